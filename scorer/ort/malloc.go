package ort

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static void trim_malloc(void) {
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}
*/
import "C"

// trimMalloc gives the system back what the C heap holds free, which glibc
// keeps otherwise: tens of megabytes after a model was loaded or closed.
func trimMalloc() { C.trim_malloc() }
