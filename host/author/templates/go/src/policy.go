// /etc/{{id}}.conf enables the agent.
//
// The package's name is that of the interface that a policy exports; nodepol.go
// and the bindings are put beside this file when it is built, in build/go/.
package export_nodepol_policy_check

import (
	"strings"

	. "wit_component/nodepol_policy_check"
	files "wit_component/nodepol_policy_files"
)

const path = "/etc/{{id}}.conf"

var policy = Policy{
	Id:       "{{id}}",
	Title:    "The agent is enabled",
	Rule:     path + " enables the agent",
	Severity: SeverityDegraded,
	Parameters: []Parameter{{
		Name: "key", Default: MakeValueText("enabled"), Description: "the key that must be true",
	}},
	Documentation: "https://example.org/policies/{{id}}",
	Judge:         judge,
}

func judge(_ Horizon, parameters Parameters) Judgement {
	// A file that cannot be read ends here: Must makes the verdict `unknown`.
	text := Must(files.Text(path))
	if text.IsNone() {
		return Say(VerdictNotApplicable, "there is no agent here")
	}
	return judgeText(text.Some(), parameters.Text("key"))
}

// The rule itself, without a node.
func judgeText(text, key string) Judgement {
	finding := Find(VerdictFail, "not-enabled", path+" does not set "+key+" to true").
		Fix("enable the agent", Do(
			MakeActionWriteFile(WriteFile{Path: path, Mode: 0o644, Content: key + " = true\n"}),
			"say so in its configuration",
		))
	for index, line := range strings.Split(text, "\n") {
		name, value, found := strings.Cut(line, "=")
		if !found || strings.TrimSpace(name) != key {
			continue
		}
		if strings.TrimSpace(value) == "true" {
			return Say(VerdictPass, "the agent is enabled")
		}
		return finding.Evidence(path, uint32(index+1), line).Judgement()
	}
	return finding.Evidence(path, 0, "no "+key).Judgement()
}
