package ort

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

// Large tensors are mapped one by one and so given back when they are freed,
// small ones share few arenas. Without this, glibc lets the size from which it
// maps grow with each tensor that it sees, and keeps the holes between tensors
// of notes of different lengths: twice the memory that the runs need.
static void bound_malloc(void) {
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, 4 << 20);
	mallopt(M_TRIM_THRESHOLD, 32 << 20);
	mallopt(M_ARENA_MAX, 2);
#endif
}
*/
import "C"

// boundMalloc keeps the C heap small. It is for the whole process, of which
// ONNX Runtime is the only large user of that heap.
func boundMalloc() { C.bound_malloc() }
