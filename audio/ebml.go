package audio

import (
	"math/bits"
)

// ebmlElement is one element of RFC 8794 in memory.
type ebmlElement struct {
	id      uint32
	header  int    // bytes of its id and size
	body    []byte // cut off where the data ends before
	unknown bool   // size not given: body is all that follows
	cut     bool   // the data ends before the element does
}

// readEBML parses the element that b begins with; ok is false where there is
// none.
func readEBML(b []byte) (e ebmlElement, ok bool) {
	idLen := 0
	if len(b) > 0 {
		idLen = bits.LeadingZeros8(b[0]) + 1
	}
	if idLen < 1 || idLen > 4 || len(b) <= idLen {
		return e, false
	}
	for _, v := range b[:idLen] {
		e.id = e.id<<8 | uint32(v)
	}
	size, n, unknown := ebmlVint(b[idLen:])
	if n == 0 {
		return e, false
	}
	e.header, e.unknown = idLen+n, unknown
	e.body = b[e.header:]
	if !unknown {
		e.cut = size > uint64(len(e.body))
		e.body = e.body[:min(size, uint64(len(e.body)))]
	}
	return e, true
}

// ebmlVint reads a variable-length integer without its marker bit, and its
// length, 0 where there is none. All ones mean "unknown".
func ebmlVint(b []byte) (v uint64, n int, unknown bool) {
	if len(b) == 0 || b[0] == 0 {
		return 0, 0, false
	}
	n = bits.LeadingZeros8(b[0]) + 1
	if len(b) < n {
		return 0, 0, false
	}
	v = uint64(b[0]) & (1<<(8-n) - 1)
	for _, c := range b[1:n] {
		v = v<<8 | uint64(c)
	}
	return v, n, v == 1<<(7*n)-1
}

// ebmlUint is an element's value as an unsigned integer of at most 8 bytes.
func ebmlUint(b []byte) uint64 {
	var v uint64
	for _, c := range b[:min(len(b), 8)] {
		v = v<<8 | uint64(c)
	}
	return v
}

// ebmlInt is an element's value as a signed integer of at most 8 bytes.
func ebmlInt(b []byte) int64 {
	n := min(len(b), 8)
	if n == 0 {
		return 0
	}
	shift := 64 - 8*n
	return int64(ebmlUint(b)<<shift) >> shift
}

// ebmlChildren yields the elements of a master element's body until something
// in it is none, or is cut off.
func ebmlChildren(body []byte) func(yield func(ebmlElement) bool) {
	return func(yield func(ebmlElement) bool) {
		for len(body) > 0 {
			e, ok := readEBML(body)
			if !ok || e.unknown || e.cut || !yield(e) {
				return
			}
			body = body[e.header+len(e.body):]
		}
	}
}
