#include "nodepol.h"

#include <stdarg.h>

#define CHECK(name) exports_nodepol_policy_check_##name

/* A list of `type` with one more element; the element. Lists grow rarely and are
 * short, so each growth copies. */
#define GROWN(list, type) ((type *)grown((void **)&(list).ptr, &(list).len, sizeof(type)))

static void *grown(void **ptr, size_t *len, size_t size) {
  char *new = calloc(*len + 1, size);
  if (*len > 0) memcpy(new, *ptr, *len * size);
  *ptr = new;
  return new + size * (*len)++;
}

static void log_error(np_text message) {
  nodepol_policy_log_write(NODEPOL_POLICY_LOG_LEVEL_ERROR, &message);
}

void np_panic_at(const char *why, const char *file, int line) {
  char digits[12];
  char *digit = &digits[sizeof digits - 1];
  *digit = '\0';
  do *--digit = (char)('0' + line % 10);
  while ((line /= 10) > 0);
  log_error(np_concat(why, " (", file, ":", digit, ")", NULL));
  __builtin_trap();
}

/* ---- Texts ---- */

np_text np_str(const char *text) {
  return (np_text){(uint8_t *)text, strlen(text)};
}

np_text np_concat(const char *first, ...) {
  va_list words;
  size_t size = 0;
  va_start(words, first);
  for (const char *word = first; word != NULL; word = va_arg(words, const char *))
    size += strlen(word);
  va_end(words);
  np_text all = {malloc(size), 0};
  va_start(words, first);
  for (const char *word = first; word != NULL; word = va_arg(words, const char *)) {
    memcpy(all.ptr + all.len, word, strlen(word));
    all.len += strlen(word);
  }
  va_end(words);
  return all;
}

const char *np_c(np_text text) {
  char *copy = calloc(text.len + 1, 1);
  memcpy(copy, text.ptr, text.len);
  return copy;
}

bool np_equal(np_text one, np_text other) {
  return one.len == other.len && memcmp(one.ptr, other.ptr, one.len) == 0;
}

static bool is_blank(uint8_t letter) {
  return letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n';
}

np_text np_trim(np_text text) {
  while (text.len > 0 && is_blank(text.ptr[0])) text.ptr++, text.len--;
  while (text.len > 0 && is_blank(text.ptr[text.len - 1])) text.len--;
  return text;
}

bool np_split(np_text text, char letter, np_text *before, np_text *after) {
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] != (uint8_t)letter) continue;
    *before = (np_text){text.ptr, i};
    *after = (np_text){text.ptr + i + 1, text.len - i - 1};
    return true;
  }
  return false;
}

bool np_line(np_text *rest, np_text *line) {
  if (rest->len == 0) return false;
  np_text all = *rest;
  if (!np_split(all, '\n', line, rest)) {
    *line = all;
    rest->len = 0;
  }
  return true;
}

/* ---- Describing ---- */

void np_describe(np_description *out, const char *id, const char *title, const char *rule,
                 np_severity severity, unsigned phases, const char *documentation) {
  memset(out, 0, sizeof *out);
  out->id = np_str(id);
  out->title = np_str(title);
  out->rule = np_str(rule);
  out->severity = (uint8_t)severity;
  for (uint8_t phase = 0; phase < 4; phase++)
    if (phases & (1u << phase)) *GROWN(out->phases, uint8_t) = phase;
  out->documentation.is_some = documentation != NULL;
  if (documentation != NULL) out->documentation.val = np_str(documentation);
}

void np_parameter(np_description *out, const char *name, np_value by_default,
                  const char *description) {
  CHECK(parameter_t) *parameter = GROWN(out->parameters, CHECK(parameter_t));
  parameter->name = np_str(name);
  parameter->default_ = by_default;
  parameter->description = np_str(description);
}

np_value np_text_value(const char *text) {
  np_value value = {.tag = EXPORTS_NODEPOL_POLICY_CHECK_VALUE_TEXT};
  value.val.text = np_str(text);
  return value;
}

np_value np_boolean_value(bool boolean) {
  np_value value = {.tag = EXPORTS_NODEPOL_POLICY_CHECK_VALUE_BOOLEAN};
  value.val.boolean = boolean;
  return value;
}

np_value np_integer_value(int64_t integer) {
  np_value value = {.tag = EXPORTS_NODEPOL_POLICY_CHECK_VALUE_INTEGER};
  value.val.integer = integer;
  return value;
}

np_value np_duration_value(uint64_t seconds) {
  np_value value = {.tag = EXPORTS_NODEPOL_POLICY_CHECK_VALUE_DURATION};
  value.val.duration = seconds;
  return value;
}

np_value np_texts_value(const char *first, ...) {
  np_value value = {.tag = EXPORTS_NODEPOL_POLICY_CHECK_VALUE_TEXT_LIST};
  va_list words;
  va_start(words, first);
  for (const char *word = first; word != NULL; word = va_arg(words, const char *))
    *GROWN(value.val.text_list, np_text) = np_str(word);
  va_end(words);
  return value;
}

static const np_value *find(const np_parameters *parameters, const char *name) {
  for (size_t i = 0; i < parameters->len; i++)
    if (np_equal(parameters->ptr[i].name, np_str(name))) return &parameters->ptr[i].value;
  return NULL;
}

static const np_value nothing;

const np_value *np_get(const np_parameters *parameters, const char *name) {
  const np_value *value = find(parameters, name);
  if (value != NULL) return value;
  log_error(np_concat("the parameter `", name, "` is not declared", NULL));
  return &nothing;
}

static const np_value *typed(const np_parameters *parameters, const char *name, uint8_t tag) {
  const np_value *value = find(parameters, name);
  if (value != NULL && value->tag == tag) return value;
  log_error(np_concat("the parameter `", name,
                      "` is not declared with the type that it is read with", NULL));
  return &nothing;
}

np_text np_get_text(const np_parameters *parameters, const char *name) {
  return typed(parameters, name, EXPORTS_NODEPOL_POLICY_CHECK_VALUE_TEXT)->val.text;
}

bool np_get_boolean(const np_parameters *parameters, const char *name) {
  return typed(parameters, name, EXPORTS_NODEPOL_POLICY_CHECK_VALUE_BOOLEAN)->val.boolean;
}

int64_t np_get_integer(const np_parameters *parameters, const char *name) {
  return typed(parameters, name, EXPORTS_NODEPOL_POLICY_CHECK_VALUE_INTEGER)->val.integer;
}

uint64_t np_get_seconds(const np_parameters *parameters, const char *name) {
  return typed(parameters, name, EXPORTS_NODEPOL_POLICY_CHECK_VALUE_DURATION)->val.duration;
}

np_texts np_get_texts(const np_parameters *parameters, const char *name) {
  return typed(parameters, name, EXPORTS_NODEPOL_POLICY_CHECK_VALUE_TEXT_LIST)->val.text_list;
}

/* ---- Judging ---- */

/* Graver verdicts are greater; the order is that of the host. */
static int gravity(uint8_t verdict) {
  static const uint8_t order[] = {[np_not_applicable] = 0, [np_pass] = 1, [np_waiting] = 2,
                                  [np_warn] = 3, [np_unknown] = 4, [np_fail] = 5};
  return order[verdict];
}

void np_say(np_judgement *out, np_verdict verdict, const char *summary) {
  out->verdict = verdict;
  out->summary = np_str(summary);
}

np_finding *np_find(np_judgement *out, np_verdict verdict, const char *id, np_text message) {
  /* Of its own, so that it stays where it is when others are found. */
  np_finding *finding = calloc(1, sizeof *finding);
  *(np_finding **)grown((void **)&out->findings, &out->count, sizeof finding) = finding;
  finding->id = np_str(id);
  finding->verdict = (uint8_t)verdict;
  finding->message = message;
  if (out->count == 1 || gravity((uint8_t)verdict) > gravity((uint8_t)out->verdict)) {
    out->verdict = verdict;
    out->summary = message;
  }
  return finding;
}

np_location np_at(const char *source, uint32_t line) {
  np_location at;
  memset(&at, 0, sizeof at);
  at.source = np_str(source);
  at.line.is_some = line != 0;
  at.line.val = line;
  return at;
}

void np_evidence(np_finding *finding, np_location at, np_text value) {
  CHECK(evidence_t) *evidence = GROWN(finding->evidence, CHECK(evidence_t));
  evidence->at = at;
  evidence->value = value;
}

void np_note(np_finding *finding, const char *note) {
  if (finding->evidence.len == 0) np_panic("np_note without np_evidence before it");
  CHECK(evidence_t) *last = &finding->evidence.ptr[finding->evidence.len - 1];
  last->note.is_some = true;
  last->note.val = np_str(note);
}

void np_symptom_of(np_finding *finding, const char *cause) {
  *GROWN(finding->symptom_of, np_text) = np_str(cause);
}

void np_fix(np_finding *finding, const char *summary) {
  finding->fix.is_some = true;
  finding->fix.val.summary = np_str(summary);
}

static CHECK(step_t) *step(np_finding *finding, np_text description, uint8_t action) {
  if (!finding->fix.is_some) np_panic("a step without np_fix before it");
  CHECK(step_t) *step = GROWN(finding->fix.val.steps, CHECK(step_t));
  step->description = description;
  step->action.tag = action;
  return step;
}

void np_step_note(np_finding *finding, np_text text) {
  step(finding, text, EXPORTS_NODEPOL_POLICY_CHECK_ACTION_NOTE)->action.val.note = text;
}

void np_step_command(np_finding *finding, const char *description, const char *word, ...) {
  CHECK(action_t) *action =
      &step(finding, np_str(description), EXPORTS_NODEPOL_POLICY_CHECK_ACTION_COMMAND)->action;
  va_list words;
  va_start(words, word);
  for (; word != NULL; word = va_arg(words, const char *))
    *GROWN(action->val.command, np_text) = np_str(word);
  va_end(words);
}

void np_step_write_file(np_finding *finding, const char *description, const char *path,
                        uint32_t mode, np_text content) {
  CHECK(action_t) *action =
      &step(finding, np_str(description), EXPORTS_NODEPOL_POLICY_CHECK_ACTION_WRITE_FILE)->action;
  action->val.write_file.path = np_str(path);
  action->val.write_file.mode = mode;
  action->val.write_file.content = content;
}

void np_step_unit(np_finding *finding, const char *description, const char *unit, uint8_t verb) {
  CHECK(action_t) *action =
      &step(finding, np_str(description), EXPORTS_NODEPOL_POLICY_CHECK_ACTION_UNIT)->action;
  action->val.unit.name = np_str(unit);
  action->val.unit.verb = verb;
}

void np_step_set_value(np_finding *finding, const char *description, const char *path,
                       const char *pointer, const char *json) {
  CHECK(action_t) *action =
      &step(finding, np_str(description), EXPORTS_NODEPOL_POLICY_CHECK_ACTION_SET_VALUE)->action;
  action->val.set_value.path = np_str(path);
  action->val.set_value.pointer = np_str(pointer);
  action->val.set_value.json = np_str(json);
}

void np_step_remove_key(np_finding *finding, const char *description, const char *path,
                        const char *pointer) {
  CHECK(action_t) *action =
      &step(finding, np_str(description), EXPORTS_NODEPOL_POLICY_CHECK_ACTION_REMOVE_KEY)->action;
  action->val.remove_key.path = np_str(path);
  action->val.remove_key.pointer = np_str(pointer);
}

void np_step_remove_line(np_finding *finding, const char *description, const char *path,
                         uint32_t line, np_text text) {
  CHECK(action_t) *action =
      &step(finding, np_str(description), EXPORTS_NODEPOL_POLICY_CHECK_ACTION_REMOVE_LINE)->action;
  action->val.remove_line.path = np_str(path);
  action->val.remove_line.line = line;
  action->val.remove_line.text = text;
}

static CHECK(step_t) *last_step(np_finding *finding) {
  if (finding->fix.val.steps.len == 0) np_panic("there is no step yet");
  return &finding->fix.val.steps.ptr[finding->fix.val.steps.len - 1];
}

void np_step_on(np_finding *finding, uint8_t place) { last_step(finding)->place = place; }

void np_step_disrupts(np_finding *finding, uint8_t disruption) {
  last_step(finding)->disruption = disruption;
}

void np_step_verify(np_finding *finding, const char *word, ...) {
  CHECK(step_t) *verified = last_step(finding);
  verified->verify.is_some = true;
  va_list words;
  va_start(words, word);
  for (; word != NULL; word = va_arg(words, const char *))
    *GROWN(verified->verify.val, np_text) = np_str(word);
  va_end(words);
}

/* ---- The exports ---- */

void CHECK(describe)(np_description *out) { policy_describe(out); }

static bool same_evidence(const np_finding *one, const np_finding *other) {
  if (one->evidence.len != other->evidence.len) return false;
  for (size_t i = 0; i < one->evidence.len; i++) {
    const CHECK(evidence_t) *a = &one->evidence.ptr[i], *b = &other->evidence.ptr[i];
    if (!np_equal(a->value, b->value) || !np_equal(a->at.source, b->at.source) ||
        a->at.line.is_some != b->at.line.is_some || a->at.line.val != b->at.line.val)
      return false;
  }
  return true;
}

static bool same_fix(const np_finding *one, const np_finding *other) {
  if (one->fix.is_some != other->fix.is_some) return false;
  if (!one->fix.is_some) return true;
  if (!np_equal(one->fix.val.summary, other->fix.val.summary) ||
      one->fix.val.steps.len != other->fix.val.steps.len)
    return false;
  for (size_t i = 0; i < one->fix.val.steps.len; i++)
    if (!np_equal(one->fix.val.steps.ptr[i].description, other->fix.val.steps.ptr[i].description))
      return false;
  return true;
}

static bool same(const np_finding *one, const np_finding *other) {
  return one->verdict == other->verdict && np_equal(one->id, other->id) &&
         np_equal(one->message, other->message) && same_evidence(one, other) &&
         same_fix(one, other);
}

/* The same finding at both horizons is one finding. */
static void add(CHECK(answer_t) *answer, np_finding finding, np_horizon at) {
  for (size_t i = 0; i < answer->findings.len; i++)
    if (same(&answer->findings.ptr[i], &finding)) {
      *GROWN(answer->findings.ptr[i].horizons, np_horizon) = at;
      return;
    }
  *GROWN(finding.horizons, np_horizon) = at;
  *GROWN(answer->findings, np_finding) = finding;
}

bool CHECK(evaluate)(CHECK(list_horizon_t) *horizons, CHECK(list_argument_t) *parameters,
                     CHECK(answer_t) *answer, CHECK(failure_t) *failure) {
  (void)failure;
  memset(answer, 0, sizeof *answer);
  answer->now = answer->next_boot = np_not_applicable;
  int gravest = -1;
  for (size_t i = 0; i < horizons->len; i++) {
    np_horizon at = horizons->ptr[i];
    np_judgement judgement = {.verdict = np_pass, .summary = np_str("nothing is wrong")};
    np_unavailable missing;
    if (!policy_judge(at, parameters, &judgement, &missing)) {
      judgement = (np_judgement){.verdict = np_unknown};
      np_text message = np_concat(np_c(missing.source), ": ", np_c(missing.reason), NULL);
      np_evidence(np_find(&judgement, np_unknown, "evidence-unavailable", message),
                  np_at(np_c(missing.source), 0), missing.reason);
    }
    if (at == NODEPOL_POLICY_TYPES_HORIZON_NOW)
      answer->now = (uint8_t)judgement.verdict;
    else
      answer->next_boot = (uint8_t)judgement.verdict;
    if (gravity((uint8_t)judgement.verdict) > gravest) {
      gravest = gravity((uint8_t)judgement.verdict);
      answer->summary = judgement.summary;
    }
    for (size_t f = 0; f < judgement.count; f++) add(answer, *judgement.findings[f], at);
  }
  return true;
}
