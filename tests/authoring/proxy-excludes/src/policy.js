// What goes to the cluster itself must not go through the company's proxy.

import { text as textOf } from 'nodepol:policy/files@0.1.0';
import { all, component, finding, judgement } from './nodepol.js';

const PATH = '/etc/profile.d/proxy.sh';

/** The words of the last assignment to NO_PROXY, and its line. */
function excluded(text) {
  let found;
  text.split('\n').forEach((line, index) => {
    const match = /^\s*(?:export\s+)?(?:NO_PROXY|no_proxy)=["']?([^"']*)/.exec(line);
    if (match) found = { line: index + 1, text: line, words: match[1].split(',') };
  });
  return found;
}

export const check = component({
  describe: {
    id: 'proxy-excludes',
    title: 'The cluster is reached without the proxy',
    rule: `NO_PROXY in ${PATH} names what must be reached directly`,
    severity: 'degraded',
    parameters: [
      {
        name: 'direct',
        default: { tag: 'text-list', val: ['.svc', '10.96.0.0/12'] },
        description: 'what NO_PROXY must name',
      },
    ],
    documentation: 'https://example.org/policies/proxy-excludes',
  },

  judge(at, parameters) {
    const text = textOf(PATH);
    if (text == null) return judgement('not-applicable', 'this node has no proxy');
    const list = excluded(text);
    const missing = parameters.direct.filter((word) => !list?.words.includes(word));
    return all(
      missing.map((word) =>
        finding('fail', 'goes-through-proxy', `NO_PROXY does not name ${word}`)
          .evidence(PATH, list?.line, list?.text ?? 'no NO_PROXY')
          .fix(`let ${word} be reached directly`, [
            {
              description: 'add it to the list',
              action: { tag: 'note', val: `add ${word} to NO_PROXY in ${PATH}` },
            },
          ]),
      ),
      'everything of the cluster is reached directly',
    );
  },
});
