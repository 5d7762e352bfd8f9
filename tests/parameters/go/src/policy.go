// Says what it was given.
package export_nodepol_policy_check

import (
	"fmt"
	"strings"

	. "wit_component/nodepol_policy_check"
)

var policy = Policy{
	Id:       "all-types",
	Title:    "All types",
	Rule:     "parameters of every type arrive",
	Severity: SeverityBlocker,
	Parameters: []Parameter{
		{Name: "flag", Default: MakeValueBoolean(false), Description: "a boolean"},
		{Name: "count", Default: MakeValueInteger(3), Description: "an integer"},
		{Name: "word", Default: MakeValueText("a"), Description: "a text"},
		{Name: "words", Default: MakeValueTextList([]string{"a", "b"}), Description: "a list of texts"},
		{Name: "age", Default: MakeValueDuration(60), Description: "a duration"},
	},
	Judge: func(_ Horizon, parameters Parameters) Judgement {
		return Find(VerdictWarn, "said", fmt.Sprintf(
			"flag=%t count=%d word=%s words=%s age=%d",
			parameters.Boolean("flag"), parameters.Integer("count"), parameters.Text("word"),
			strings.Join(parameters.Texts("words"), ","), parameters.Seconds("age"),
		)).Judgement()
	},
}
