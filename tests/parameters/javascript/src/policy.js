// Says what it was given.

import { component, finding } from './nodepol.js';

export const check = component({
  describe: {
    id: 'all-types',
    title: 'All types',
    rule: 'parameters of every type arrive',
    parameters: [
      { name: 'flag', default: { tag: 'boolean', val: false }, description: 'a boolean' },
      { name: 'count', default: { tag: 'integer', val: 3 }, description: 'an integer' },
      { name: 'word', default: { tag: 'text', val: 'a' }, description: 'a text' },
      { name: 'words', default: { tag: 'text-list', val: ['a', 'b'] }, description: 'a list of texts' },
      { name: 'age', default: { tag: 'duration', val: 60 }, description: 'a duration' },
    ],
  },

  judge(at, { flag, count, word, words, age }) {
    const message = `flag=${flag} count=${count} word=${word} words=${words.join(',')} age=${age}`;
    return finding('warn', 'said', message);
  },
});
