/* A kernel setting has the value that the fleet agreed on, now and after boot. */

#include "nodepol.h"

void policy_describe(np_description *out) {
  np_describe(out, "kernel-setting", "A kernel setting is as agreed",
              "the sysctl that is named has the value that is named", np_degraded,
              np_image | np_pre_join | np_boot | np_running,
              "https://example.org/policies/kernel-setting");
  np_parameter(out, "key", np_text_value("net.ipv4.ip_forward"), "the sysctl, with dots");
  np_parameter(out, "value", np_text_value("1"), "the value that it must have");
}

bool policy_judge(np_horizon at, const np_parameters *parameters, np_judgement *out,
                  np_unavailable *missing) {
  np_text key = np_get(parameters, "key")->val.text;
  np_text wanted = np_get(parameters, "value")->val.text;
  nodepol_policy_node_option_sourced_t setting;
  if (!nodepol_policy_node_sysctl(at, &key, &setting, missing)) return false;
  const char *key_c = np_c(key);
  if (!setting.is_some) {
    /* Nothing sets it: the kernel's own default counts, which no file tells. */
    np_say(out, np_not_applicable, "nothing sets it");
    return true;
  }
  if (np_equal(np_trim(setting.val.value), wanted)) {
    np_say(out, np_pass, "it is as agreed");
    return true;
  }
  np_text message = np_concat(key_c, " is ", np_c(np_trim(setting.val.value)), " and must be ",
                              np_c(wanted), NULL);
  np_finding *finding = np_find(out, np_fail, "other-value", message);
  np_evidence(finding, setting.val.at, setting.val.value);
  np_fix(finding, "set it, now and for every boot");
  np_step_write_file(finding, "set it at every boot", "/etc/sysctl.d/90-agreed.conf", 0644,
                     np_concat(key_c, " = ", np_c(wanted), "\n", NULL));
  np_step_command(finding, "set it now", "sysctl", "--system", NULL);
  np_step_verify(finding, "sysctl", "-n", key_c, NULL);
  return true;
}
