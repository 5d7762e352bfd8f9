// What every policy needs: who it is, findings, and one answer of both horizons.
// A policy sets `policy`; everything else is done for it.
package export_nodepol_policy_check

import (
	"fmt"
	"reflect"

	. "wit_component/nodepol_policy_check"
	"wit_component/nodepol_policy_log"
	"wit_component/nodepol_policy_types"

	wit "go.bytecodealliance.org/pkg/wit/types"
)

// Who a policy is, and how it judges one horizon.
type Policy struct {
	Id, Title, Rule string
	Severity        Severity
	// The phases in which it means something; all, if there are none.
	Phases     []Phase
	Parameters []Parameter
	// The URL of its documentation, if it has one.
	Documentation string
	Judge         func(at Horizon, parameters Parameters) Judgement
}

// What a policy says about one horizon.
type Judgement struct {
	Verdict  Verdict
	Summary  string
	Findings []Finding
}

// The parameters of one evaluation, by their names.
type Parameters map[string]Value

// The value of a declared parameter; a name that is not declared is logged.
func (parameters Parameters) Get(name string) Value {
	value, known := parameters[name]
	if !known {
		nodepol_policy_log.Write(nodepol_policy_log.LevelError,
			"the parameter `"+name+"` is not declared")
		return MakeValueText("")
	}
	return value
}

// What a function of an interface read. If it could not, the judgement ends here
// and the verdict is `unknown`, as it must be.
func Must[T any](result wit.Result[T, nodepol_policy_types.Unavailable]) T {
	if result.IsErr() {
		panic(result.Err())
	}
	return result.Ok()
}

// A verdict without a finding.
func Say(verdict Verdict, summary string) Judgement {
	return Judgement{Verdict: verdict, Summary: summary}
}

// A judgement of one finding.
func Find(verdict Verdict, id, message string) *Builder {
	return &Builder{Finding{
		Id: id, Verdict: verdict, Message: message, Fix: wit.None[Fix](),
	}}
}

// A finding that is put together.
type Builder struct{ finding Finding }

// What was seen, where; `line` is 0 where there is none.
func (builder *Builder) Evidence(source string, line uint32, value string) *Builder {
	number := wit.None[uint32]()
	if line != 0 {
		number = wit.Some(line)
	}
	builder.finding.Evidence = append(builder.finding.Evidence, Evidence{
		At: Location{
			Source: source, Line: number, Column: wit.None[uint32](), Pointer: wit.None[string](),
		},
		Value: value, Note: wit.None[string](),
	})
	return builder
}

// The way out, in steps on the node that disturb nothing.
func (builder *Builder) Fix(summary string, steps ...Step) *Builder {
	builder.finding.Fix = wit.Some(Fix{Summary: summary, Steps: steps})
	return builder
}

// A step on the node that disturbs nothing.
func Do(action Action, description string) Step {
	return Step{
		Description: description, Place: PlaceNode, Action: action,
		Disruption: DisruptionNone, Verify: wit.None[[]string](),
	}
}

// The finding as a judgement.
func (builder *Builder) Judgement() Judgement {
	return Judgement{
		builder.finding.Verdict, builder.finding.Message, []Finding{builder.finding},
	}
}

// Several judgements as one: the gravest counts, every finding is kept.
func All(judgements ...Judgement) Judgement {
	all := Say(VerdictPass, "nothing is wrong")
	for index, judgement := range judgements {
		if index == 0 || gravity(judgement.Verdict) > gravity(all.Verdict) {
			all.Verdict, all.Summary = judgement.Verdict, judgement.Summary
		}
		all.Findings = append(all.Findings, judgement.Findings...)
	}
	return all
}

// Graver verdicts are greater; the order is that of the host.
func gravity(verdict Verdict) int {
	order := []Verdict{
		VerdictNotApplicable, VerdictPass, VerdictWaiting, VerdictWarn, VerdictUnknown, VerdictFail,
	}
	for index, known := range order {
		if known == verdict {
			return index
		}
	}
	return len(order)
}

// ---- The exports ----

func Describe() Description {
	documentation := wit.None[string]()
	if policy.Documentation != "" {
		documentation = wit.Some(policy.Documentation)
	}
	phases := policy.Phases
	if len(phases) == 0 {
		phases = []Phase{PhaseImage, PhasePreJoin, PhaseBoot, PhaseRunning}
	}
	return Description{
		Id: policy.Id, Title: policy.Title, Rule: policy.Rule, Severity: policy.Severity,
		Phases: phases, Parameters: policy.Parameters, Documentation: documentation,
	}
}

func Evaluate(horizons []Horizon, given []Argument) (result wit.Result[Answer, Failure]) {
	defer func() {
		if fault := recover(); fault != nil {
			result = wit.Err[Answer, Failure](MakeFailureInternal(fmt.Sprint(fault)))
		}
	}()
	parameters := Parameters{}
	for _, argument := range given {
		parameters[argument.Name] = argument.Value
	}
	answer := Answer{Now: VerdictNotApplicable, NextBoot: VerdictNotApplicable}
	gravest := -1
	for _, at := range horizons {
		said := judged(at, parameters)
		if at == nodepol_policy_types.HorizonNow {
			answer.Now = said.Verdict
		} else {
			answer.NextBoot = said.Verdict
		}
		if gravity(said.Verdict) > gravest {
			gravest = gravity(said.Verdict)
			answer.Summary = said.Summary
		}
		for _, finding := range said.Findings {
			answer.Findings = add(answer.Findings, finding, at)
		}
	}
	return wit.Ok[Answer, Failure](answer)
}

// The same finding at both horizons is one finding.
func add(findings []Finding, finding Finding, at Horizon) []Finding {
	for index := range findings {
		known := findings[index]
		known.Horizons = nil
		if reflect.DeepEqual(known, finding) {
			findings[index].Horizons = append(findings[index].Horizons, at)
			return findings
		}
	}
	finding.Horizons = []Horizon{at}
	return append(findings, finding)
}

func judged(at Horizon, parameters Parameters) (said Judgement) {
	defer func() {
		if fault := recover(); fault != nil {
			missing, ok := fault.(nodepol_policy_types.Unavailable)
			if !ok {
				panic(fault)
			}
			said = Find(VerdictUnknown, "evidence-unavailable", missing.Source+": "+missing.Reason).
				Evidence(missing.Source, 0, missing.Reason).Judgement()
		}
	}()
	return policy.Judge(at, parameters)
}
