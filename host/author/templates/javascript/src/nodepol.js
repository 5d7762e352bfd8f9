// What every policy needs: who it is, findings, and one answer of both horizons.
// The types are those of wit/deps/nodepol-policy/check.wit.

import { write } from 'nodepol:policy/log@0.1.0';

/** Graver verdicts come later; the order is that of the host. */
const GRAVITY = ['not-applicable', 'pass', 'waiting', 'warn', 'unknown', 'fail'];
const PHASES = ['image', 'pre-join', 'boot', 'running'];

/** A verdict without a finding. */
export const judgement = (verdict, summary) => ({ verdict, summary, findings: [] });

class Finding {
  constructor(verdict, id, message) {
    this.verdict = verdict;
    this.summary = message;
    this.findings = [
      { id, verdict, horizons: [], message, evidence: [], fix: undefined, symptomOf: [] },
    ];
  }

  /** What was seen, where; `line` counts from 1. */
  evidence(source, line, value, note) {
    this.findings[0].evidence.push({
      at: { source, line, column: undefined, pointer: undefined },
      value,
      note,
    });
    return this;
  }

  /** The way out: steps on the node that disturb nothing, unless they say otherwise. */
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
}

/** A judgement of one finding. */
export const finding = (verdict, id, message) => new Finding(verdict, id, message);

/** Several judgements as one: the gravest counts, every finding is kept. */
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

/** Evidence that could not be read: what a host function throws. */
function unavailable(error) {
  const payload = error?.payload ?? error;
  return typeof payload?.source === 'string' && typeof payload?.reason === 'string'
    ? payload
    : undefined;
}

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

/** The parameters by their names; a name that is not declared is logged. */
function byName(given) {
  const values = Object.fromEntries(given.map(({ name, value }) => [name, value.val]));
  return new Proxy(values, {
    get(target, name) {
      if (typeof name === 'string' && !Object.hasOwn(target, name)) {
        write('error', `the parameter \`${name}\` is not declared`);
      }
      return target[name];
    },
  });
}

/** The exports of a policy. */
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
        } catch (error) {
          throw { tag: 'internal', val: `${error?.message ?? error}` };
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
