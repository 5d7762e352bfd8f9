/* A small layer over the generated bindings (plugin.h). A policy defines
 * policy_describe and policy_judge; everything else is done for it.
 *
 * Texts are np_text: a pointer and a length, not ended by a zero. Nothing has to
 * be freed: an instance lives for one evaluation. */
#ifndef NODEPOL_H
#define NODEPOL_H

#include <stdlib.h>
#include <string.h>

#include "plugin.h"

typedef plugin_string_t np_text;
typedef nodepol_policy_types_horizon_t np_horizon;
typedef nodepol_policy_types_location_t np_location;
typedef nodepol_policy_types_unavailable_t np_unavailable;
typedef exports_nodepol_policy_check_description_t np_description;
typedef exports_nodepol_policy_check_finding_t np_finding;
typedef exports_nodepol_policy_check_list_argument_t np_parameters;
typedef exports_nodepol_policy_check_value_t np_value;
typedef plugin_list_string_t np_texts;

typedef enum { np_pass, np_warn, np_fail, np_waiting, np_unknown, np_not_applicable } np_verdict;
typedef enum { np_blocker, np_boot_blocker, np_degraded, np_time_bomb, np_hygiene } np_severity;
typedef enum { np_image = 1, np_pre_join = 2, np_boot = 4, np_running = 8 } np_phases;

/* What a policy says about one horizon: the gravest of its findings, or the
 * verdict and summary that it sets. */
typedef struct {
  np_verdict verdict;
  np_text summary;
  np_finding **findings;
  size_t count;
} np_judgement;

/* ---- What a policy defines ---- */

/* Who it is: np_describe, then np_parameter for each parameter. */
void policy_describe(np_description *out);

/* Judges the node at one horizon. If evidence cannot be read, it fills in
 * `missing` and returns false: the verdict is `unknown`. */
bool policy_judge(np_horizon at, const np_parameters *parameters,
                  np_judgement *out, np_unavailable *missing);

/* Ends the evaluation; the report says where and why. */
#define np_panic(why) np_panic_at(why, __FILE__, __LINE__)
_Noreturn void np_panic_at(const char *why, const char *file, int line);

/* ---- Texts ---- */

np_text np_str(const char *text);
/* All of them in one; the last argument is NULL. */
np_text np_concat(const char *first, ...);
/* A text as a zero-ended copy. */
const char *np_c(np_text text);
bool np_equal(np_text one, np_text other);
/* Without blanks at both ends. */
np_text np_trim(np_text text);
/* The next line of `rest`, which loses it; false at the end. */
bool np_line(np_text *rest, np_text *line);
/* Splits at the first `letter`; false if there is none. */
bool np_split(np_text text, char letter, np_text *before, np_text *after);

/* ---- Describing ---- */

void np_describe(np_description *out, const char *id, const char *title, const char *rule,
                 np_severity severity, unsigned phases, const char *documentation);
void np_parameter(np_description *out, const char *name, np_value by_default,
                  const char *description);
/* The default of a parameter says its type. */
np_value np_text_value(const char *text);
np_value np_boolean_value(bool value);
np_value np_integer_value(int64_t value);
np_value np_duration_value(uint64_t seconds);
/* A list of texts; the last argument is NULL. */
np_value np_texts_value(const char *first, ...);
/* The value of a declared parameter. A mistake in its name or type is logged,
 * which fails a case, and gives an empty value. */
np_text np_get_text(const np_parameters *parameters, const char *name);
bool np_get_boolean(const np_parameters *parameters, const char *name);
int64_t np_get_integer(const np_parameters *parameters, const char *name);
uint64_t np_get_seconds(const np_parameters *parameters, const char *name);
np_texts np_get_texts(const np_parameters *parameters, const char *name);
/* The same of any type. */
const np_value *np_get(const np_parameters *parameters, const char *name);

/* ---- Judging ---- */

/* A verdict without a finding. */
void np_say(np_judgement *out, np_verdict verdict, const char *summary);
/* A finding; the gravest one is the verdict. */
np_finding *np_find(np_judgement *out, np_verdict verdict, const char *id, np_text message);
/* What was seen, where; `line` is 0 where there is none. */
void np_evidence(np_finding *finding, np_location at, np_text value);
np_location np_at(const char *source, uint32_t line);
/* What the last evidence means here. */
void np_note(np_finding *finding, const char *note);
/* The `policy` or `policy/finding` that explains this finding if it speaks. */
void np_symptom_of(np_finding *finding, const char *cause);
/* The way out, before its steps. */
void np_fix(np_finding *finding, const char *summary);
/* Steps of that fix, in order. The words of a command end with NULL. */
void np_step_note(np_finding *finding, np_text text);
void np_step_command(np_finding *finding, const char *description, const char *word, ...);
/* A verb of systemctl: EXPORTS_NODEPOL_POLICY_CHECK_UNIT_VERB_ENABLE and so on. */
void np_step_unit(np_finding *finding, const char *description, const char *unit, uint8_t verb);
/* One value of a YAML, JSON or TOML file, by its RFC 6901 pointer. */
void np_step_set_value(np_finding *finding, const char *description, const char *path,
                       const char *pointer, const char *json);
void np_step_remove_key(np_finding *finding, const char *description, const char *path,
                        const char *pointer);
void np_step_remove_line(np_finding *finding, const char *description, const char *path,
                         uint32_t line, np_text text);
void np_step_write_file(np_finding *finding, const char *description, const char *path,
                        uint32_t mode, np_text content);
/* Where the last step is done (EXPORTS_NODEPOL_POLICY_CHECK_PLACE_…), what it
 * disturbs (…_DISRUPTION_…), and a command that tells whether it took effect. */
void np_step_on(np_finding *finding, uint8_t place);
void np_step_disrupts(np_finding *finding, uint8_t disruption);
void np_step_verify(np_finding *finding, const char *word, ...);

#endif
