/* /etc/{{id}}.conf enables the agent. */

#include "nodepol.h"

#define PATH "/etc/{{id}}.conf"

void policy_describe(np_description *out) {
  np_describe(out, "{{id}}", "The agent is enabled", PATH " enables the agent", np_degraded,
              np_image | np_pre_join | np_boot | np_running,
              "https://example.org/policies/{{id}}");
  np_parameter(out, "key", np_text_value("enabled"), "the key that must be true");
}

/* The line that sets `key`, and its number; 0 if there is none. */
static uint32_t find_key(np_text rest, np_text key, np_text *line, np_text *value) {
  np_text name;
  for (uint32_t number = 1; np_line(&rest, line); number++)
    if (np_split(*line, '=', &name, value) && np_equal(np_trim(name), key)) return number;
  return 0;
}

bool policy_judge(np_horizon at, const np_parameters *parameters, np_judgement *out,
                  np_unavailable *missing) {
  (void)at; /* the file says the same now and at the next boot */
  np_text path = np_str(PATH);
  plugin_option_string_t text;
  if (!nodepol_policy_files_text(&path, &text, missing)) return false;
  if (!text.is_some) {
    np_say(out, np_not_applicable, "there is no agent here");
    return true;
  }
  np_text key = np_get_text(parameters, "key");
  np_text line, value;
  uint32_t number = find_key(text.val, key, &line, &value);
  if (number != 0 && np_equal(np_trim(value), np_str("true"))) {
    np_say(out, np_pass, "the agent is enabled");
    return true;
  }
  np_finding *finding =
      np_find(out, np_fail, "not-enabled",
              np_concat(PATH " does not set ", np_c(key), " to true", NULL));
  np_evidence(finding, np_at(PATH, number),
              number != 0 ? line : np_concat("no ", np_c(key), NULL));
  np_fix(finding, "enable the agent");
  np_step_write_file(finding, "say so in its configuration", PATH, 0644,
                     np_concat(np_c(key), " = true\n", NULL));
  return true;
}
