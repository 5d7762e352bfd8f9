// /etc/{{id}}.conf enables the agent.

import { text as textOf } from 'nodepol:policy/files@0.1.0';
import { component, finding, judgement } from './nodepol.js';

const PATH = '/etc/{{id}}.conf';

/**
 * The rule itself, without a node.
 * @param {string} text
 * @param {string} key
 */
export function judgeText(text, key) {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => line.includes('=') && line.split('=')[0].trim() === key);
  if (at >= 0 && lines[at].slice(lines[at].indexOf('=') + 1).trim() === 'true') {
    return judgement('pass', 'the agent is enabled');
  }
  return finding('fail', 'not-enabled', `${PATH} does not set ${key} to true`)
    .evidence(PATH, at >= 0 ? at + 1 : undefined, at >= 0 ? lines[at] : `no ${key}`)
    .fix('enable the agent', [
      {
        description: 'say so in its configuration',
        action: { tag: 'write-file', val: { path: PATH, mode: 0o644, content: `${key} = true\n` } },
      },
    ]);
}

export const check = component({
  describe: {
    id: '{{id}}',
    title: 'The agent is enabled',
    rule: `${PATH} enables the agent`,
    severity: 'degraded',
    parameters: [
      {
        name: 'key',
        default: { tag: 'text', val: 'enabled' },
        description: 'the key that must be true',
      },
    ],
    documentation: 'https://example.org/policies/{{id}}',
  },

  // `at` is 'now' or 'next-boot'. What throws `unavailable` makes the verdict
  // `unknown`, as it must be.
  judge(at, parameters) {
    const text = textOf(PATH);
    if (text == null) return judgement('not-applicable', 'there is no agent here');
    return judgeText(text, parameters.key);
  },
});
