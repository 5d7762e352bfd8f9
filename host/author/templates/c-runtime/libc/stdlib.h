/* The few functions of a C library that bindings need; see runtime.c. */
#ifndef NODEPOL_STDLIB_H
#define NODEPOL_STDLIB_H
#include <stddef.h>
void *malloc(size_t size);
void *realloc(void *old, size_t size);
void *calloc(size_t count, size_t size);
void free(void *memory);
_Noreturn void abort(void);
#endif
