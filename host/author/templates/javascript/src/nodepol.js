// What every policy needs: who it is, findings, and one answer of both horizons.
// The types are those of wit/deps/nodepol-policy/check.wit; `nodepol plugin build`
// writes them to build/types/, where editors and TypeScript find them.

import { write } from 'nodepol:policy/log@0.1.0';

/**
 * @typedef {import('nodepol:policy/check@0.1.0').Argument} Argument
 * @typedef {import('nodepol:policy/check@0.1.0').Check} Check
 * @typedef {import('nodepol:policy/check@0.1.0').Description} Description
 * @typedef {import('nodepol:policy/check@0.1.0').Finding} Found
 * @typedef {import('nodepol:policy/check@0.1.0').Phase} Phase
 * @typedef {import('nodepol:policy/check@0.1.0').Step} Step
 * @typedef {import('nodepol:policy/check@0.1.0').Verdict} Verdict
 * @typedef {import('nodepol:policy/types@0.1.0').Horizon} Horizon
 * @typedef {import('nodepol:policy/types@0.1.0').Unavailable} Unavailable
 */

/**
 * What a policy says about one horizon.
 * @typedef {{ verdict: Verdict, summary: string, findings: Found[] }} Judgement
 */

/**
 * Who a policy is, and how it judges one horizon. What `describe` leaves out:
 * it is a blocker in every phase, without parameters.
 * @typedef {object} Policy
 * @property {Pick<Description, 'id' | 'title' | 'rule'> & Partial<Description>} describe
 * @property {(at: Horizon, parameters: { readonly [name: string]: any }) => Judgement} judge
 */

/** Graver verdicts come later; the order is that of the host. @type {Verdict[]} */
const GRAVITY = ['not-applicable', 'pass', 'waiting', 'warn', 'unknown', 'fail'];
/** @type {Phase[]} */
const PHASES = ['image', 'pre-join', 'boot', 'running'];

/**
 * A verdict without a finding.
 * @param {Verdict} verdict
 * @param {string} summary
 * @returns {Judgement}
 */
export const judgement = (verdict, summary) => ({ verdict, summary, findings: [] });

class Finding {
  /**
   * @param {Verdict} verdict
   * @param {string} id
   * @param {string} message
   */
  constructor(verdict, id, message) {
    this.verdict = verdict;
    this.summary = message;
    /** @type {Found[]} */
    this.findings = [
      { id, verdict, horizons: [], message, evidence: [], fix: undefined, symptomOf: [] },
    ];
  }

  /**
   * What was seen, where, and what it means here; `line` counts from 1.
   * @param {string} source
   * @param {number | undefined} line
   * @param {string} value
   * @param {string} [note]
   */
  evidence(source, line, value, note) {
    this.findings[0].evidence.push({
      at: { source, line, column: undefined, pointer: undefined },
      value,
      note,
    });
    return this;
  }

  /**
   * The way out: steps on the node that disturb nothing, unless they say otherwise.
   * @param {string} summary
   * @param {(Pick<Step, 'description' | 'action'> & Partial<Step>)[]} steps
   */
  fix(summary, steps) {
    this.findings[0].fix = {
      summary,
      steps: steps.map((step) => ({
        place: 'node',
        disruption: 'none',
        verify: undefined,
        ...step,
      })),
    };
    return this;
  }

  /**
   * The `policy` or `policy/finding` that explains this one if it speaks.
   * @param {string} cause
   */
  symptomOf(cause) {
    this.findings[0].symptomOf.push(cause);
    return this;
  }
}

/**
 * A judgement of one finding.
 * @param {Verdict} verdict
 * @param {string} id
 * @param {string} message
 */
export const finding = (verdict, id, message) => new Finding(verdict, id, message);

/**
 * Several judgements as one: the gravest counts, every finding is kept.
 * @param {Judgement[]} judgements
 * @param {string} otherwise
 * @returns {Judgement}
 */
export function all(judgements, otherwise) {
  return judgements.reduce(
    (one, other) => {
      const graver = GRAVITY.indexOf(other.verdict) > GRAVITY.indexOf(one.verdict);
      return {
        verdict: graver ? other.verdict : one.verdict,
        summary: graver ? other.summary : one.summary,
        findings: [...one.findings, ...other.findings],
      };
    },
    judgement('pass', otherwise),
  );
}

/**
 * Evidence that could not be read: what a host function throws.
 * @param {any} error
 * @returns {Unavailable | undefined}
 */
function unavailable(error) {
  const payload = error?.payload ?? error;
  return typeof payload?.source === 'string' && typeof payload?.reason === 'string'
    ? payload
    : undefined;
}

/**
 * @param {Policy} policy
 * @param {Horizon} at
 * @param {{ readonly [name: string]: any }} parameters
 * @returns {Judgement}
 */
function judged(policy, at, parameters) {
  try {
    return policy.judge(at, parameters);
  } catch (error) {
    const missing = unavailable(error);
    if (missing === undefined) throw error;
    const message = `${missing.source}: ${missing.reason}`;
    return finding('unknown', 'evidence-unavailable', message).evidence(
      missing.source,
      undefined,
      missing.reason,
    );
  }
}

/**
 * Where it was thrown, as far as the engine says.
 * @param {any} error
 */
function where(error) {
  const line = String(error?.stack ?? '').trim().split('\n')[0].trim();
  return line === '' ? '' : ` (${line})`;
}

/**
 * The parameters by their names; a name that is not declared is logged.
 * @param {Argument[]} given
 * @returns {{ readonly [name: string]: any }}
 */
function byName(given) {
  const values = Object.fromEntries(given.map(({ name, value }) => [name, value.val]));
  return new Proxy(values, {
    get(target, name) {
      if (typeof name !== 'string') return undefined;
      if (!Object.hasOwn(target, name)) {
        write('error', `the parameter \`${name}\` is not declared`);
      }
      return target[name];
    },
  });
}

/**
 * The exports of a policy.
 * @param {Policy} policy
 * @returns {Check}
 */
export function component(policy) {
  return {
    describe: () => ({
      severity: 'blocker',
      phases: PHASES,
      parameters: [],
      documentation: undefined,
      ...policy.describe,
    }),

    evaluate(horizons, given) {
      const parameters = byName(given);
      /** @type {import('nodepol:policy/check@0.1.0').Answer} */
      const answer = {
        now: 'not-applicable',
        nextBoot: 'not-applicable',
        summary: '',
        findings: [],
      };
      let gravest = -1;
      for (const at of horizons) {
        let said;
        try {
          said = judged(policy, at, parameters);
        } catch (/** @type {any} */ error) {
          throw { tag: 'internal', val: `${error?.message ?? error}${where(error)}` };
        }
        answer[at === 'now' ? 'now' : 'nextBoot'] = said.verdict;
        if (GRAVITY.indexOf(said.verdict) > gravest) {
          gravest = GRAVITY.indexOf(said.verdict);
          answer.summary = said.summary;
        }
        for (const found of said.findings) {
          // The same finding at both horizons is one finding.
          const known = answer.findings.find(
            (other) =>
              JSON.stringify({ ...other, horizons: [] }) ===
              JSON.stringify({ ...found, horizons: [] }),
          );
          if (known) known.horizons.push(at);
          else answer.findings.push({ ...found, horizons: [at] });
        }
      }
      return answer;
    },
  };
}
