/* What bindings need of a C library. An instance is used for one evaluation and
 * then dropped with its memory, so nothing is ever freed. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

extern unsigned char __heap_base;

static _Noreturn void ended(const char *why) {
  plugin_string_t message = {(uint8_t *)why, strlen(why)};
  nodepol_policy_log_write(NODEPOL_POLICY_LOG_LEVEL_ERROR, &message);
  __builtin_trap();
}

static uintptr_t heap;

void *malloc(size_t size) {
  if (heap == 0) heap = (uintptr_t)&__heap_base;
  uintptr_t start = (heap + 15) & ~(uintptr_t)15;
  uintptr_t end = start + size;
  uintptr_t limit = (uintptr_t)__builtin_wasm_memory_size(0) << 16;
  if (end < start) ended("out of memory");
  if (end > limit) {
    size_t pages = (end - limit + 0xffff) >> 16;
    if (__builtin_wasm_memory_grow(0, pages) == SIZE_MAX) ended("out of memory");
  }
  heap = end;
  return (void *)start;
}

void *calloc(size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / size) ended("out of memory");
  return memset(malloc(count * size), 0, count * size);
}

/* Blocks carry no size. What lies behind the old block is memory of ours too,
 * so copying too much is harmless as long as it stays below the new block. */
void *realloc(void *old, size_t size) {
  unsigned char *new = malloc(size);
  if (old == NULL) return new;
  size_t most = (size_t)(new - (unsigned char *)old);
  return memcpy(new, old, size < most ? size : most);
}

void free(void *memory) { (void)memory; }

_Noreturn void abort(void) { ended("abort() was called"); }

void *memcpy(void *to, const void *from, size_t size) {
  return __builtin_memcpy(to, from, size);
}

void *memmove(void *to, const void *from, size_t size) {
  return __builtin_memmove(to, from, size);
}

void *memset(void *to, int byte, size_t size) {
  return __builtin_memset(to, byte, size);
}

int memcmp(const void *one, const void *other, size_t size) {
  const unsigned char *a = one, *b = other;
  for (size_t i = 0; i < size; i++)
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}

size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length] != '\0') length++;
  return length;
}
