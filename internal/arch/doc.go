// Package arch holds no code: its test keeps the import rule, so that each
// package can be read and changed by itself.
package arch
