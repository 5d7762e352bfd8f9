// What every policy needs: who it is, findings, and one answer of both horizons.
// A policy sets `policy`; everything else is done for it.
package export_nodepol_policy_check

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"

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

// The value of a declared parameter; a name that is not declared is logged,
// which fails a case.
func (parameters Parameters) Get(name string) Value {
	value, known := parameters[name]
	if !known {
		logError("the parameter `" + name + "` is not declared")
		return MakeValueText("")
	}
	return value
}

// A declared text; empty for a name that is not declared as one.
func (parameters Parameters) Text(name string) string {
	return typed(parameters, name, ValueText, func(value Value) string { return value.Text() })
}

// A declared list of texts; empty for a name that is not declared as one.
func (parameters Parameters) Texts(name string) []string {
	return typed(parameters, name, ValueTextList,
		func(value Value) []string { return value.TextList() })
}

// A declared boolean; false for a name that is not declared as one.
func (parameters Parameters) Boolean(name string) bool {
	return typed(parameters, name, ValueBoolean, func(value Value) bool { return value.Boolean() })
}

// A declared integer; 0 for a name that is not declared as one.
func (parameters Parameters) Integer(name string) int64 {
	return typed(parameters, name, ValueInteger, func(value Value) int64 { return value.Integer() })
}

// A declared duration in seconds; 0 for a name that is not declared as one.
func (parameters Parameters) Seconds(name string) uint64 {
	return typed(parameters, name, ValueDuration,
		func(value Value) uint64 { return value.Duration() })
}

func typed[T any](parameters Parameters, name string, tag uint8, read func(Value) T) T {
	value, known := parameters[name]
	if !known || value.Tag() != tag {
		logError("the parameter `" + name + "` is not declared with the type that it is read with")
		var nothing T
		return nothing
	}
	return read(value)
}

func logError(message string) {
	nodepol_policy_log.Write(nodepol_policy_log.LevelError, message)
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

// What the last evidence means here.
func (builder *Builder) Note(note string) *Builder {
	if count := len(builder.finding.Evidence); count > 0 {
		builder.finding.Evidence[count-1].Note = wit.Some(note)
	}
	return builder
}

// The `policy` or `policy/finding` that explains this finding if it speaks.
func (builder *Builder) SymptomOf(cause string) *Builder {
	builder.finding.SymptomOf = append(builder.finding.SymptomOf, cause)
	return builder
}

// The way out: its steps, in order.
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

// The step, done elsewhere than on the node.
func On(place Place, step Step) Step {
	step.Place = place
	return step
}

// The step, with what it disturbs.
func Disrupts(disruption Disruption, step Step) Step {
	step.Disruption = disruption
	return step
}

// The step, with a command that exits with 0 once it has taken effect.
func Verified(step Step, argv ...string) Step {
	step.Verify = wit.Some(argv)
	return step
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
			result = wit.Err[Answer, Failure](MakeFailureInternal(fmt.Sprint(fault) + where()))
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

// The line of the policy's own source where it panicked.
func where() string {
	counters := make([]uintptr, 64)
	frames := runtime.CallersFrames(counters[:runtime.Callers(2, counters)])
	for {
		frame, more := frames.Next()
		_, file, own := strings.Cut(frame.File, "/export_nodepol_policy_check/")
		if own && file != "nodepol.go" {
			return fmt.Sprintf(" (src/%s:%d)", file, frame.Line)
		}
		if !more {
			return ""
		}
	}
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
