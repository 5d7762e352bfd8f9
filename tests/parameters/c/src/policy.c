/* Says what it was given. */

#include "nodepol.h"

void policy_describe(np_description *out) {
  np_describe(out, "all-types", "All types", "parameters of every type arrive", np_blocker,
              np_image | np_pre_join | np_boot | np_running, NULL);
  np_parameter(out, "flag", np_boolean_value(false), "a boolean");
  np_parameter(out, "count", np_integer_value(3), "an integer");
  np_parameter(out, "word", np_text_value("a"), "a text");
  np_parameter(out, "words", np_texts_value("a", "b", NULL), "a list of texts");
  np_parameter(out, "age", np_duration_value(60), "a duration");
}

static const char *number(int64_t value) {
  static char digits[24];
  char *digit = &digits[sizeof digits - 1];
  uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
  *digit = '\0';
  do *--digit = (char)('0' + rest % 10);
  while ((rest /= 10) > 0);
  if (value < 0) *--digit = '-';
  return np_c(np_str(digit));
}

bool policy_judge(np_horizon at, const np_parameters *parameters, np_judgement *out,
                  np_unavailable *missing) {
  (void)at, (void)missing;
  np_texts words = np_get_texts(parameters, "words");
  np_text all = np_str("");
  for (size_t i = 0; i < words.len; i++)
    all = np_concat(np_c(all), i == 0 ? "" : ",", np_c(words.ptr[i]), NULL);
  np_find(out, np_warn, "said",
          np_concat("flag=", np_get_boolean(parameters, "flag") ? "true" : "false",
                    " count=", number(np_get_integer(parameters, "count")),
                    " word=", np_c(np_get_text(parameters, "word")), " words=", np_c(all),
                    " age=", number((int64_t)np_get_seconds(parameters, "age")), NULL));
  return true;
}
