package main

import (
	"io"
	"os"
)

const windowSize = 1 << 16

// Window is an io.ReadSeeker over a file of any size. It holds a small part of it, and records
// where a read went beyond its end.
type Window struct {
	file    *os.File
	size    int64
	pos     int64
	start   int64
	held    []byte
	ShortAt int64
}

// NewWindow opens the file at path.
func NewWindow(path string) (*Window, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return &Window{file: file, size: info.Size()}, nil
}

// Size of the file in bytes.
func (w *Window) Size() int64 { return w.size }

// Close closes the file.
func (w *Window) Close() error { return w.file.Close() }

// Read fills the whole of p, or nothing.
func (w *Window) Read(p []byte) (int, error) {
	length := int64(len(p))
	if left := w.size - w.pos; left < length {
		w.ShortAt = w.pos
		if left <= 0 {
			return 0, io.EOF
		}
		return 0, io.ErrUnexpectedEOF
	}
	if length > windowSize {
		n, err := w.file.ReadAt(p, w.pos)
		w.pos += int64(n)
		return n, err
	}
	if w.pos < w.start || w.pos-w.start+length > int64(len(w.held)) {
		w.start, w.held = w.pos, make([]byte, min(windowSize, w.size-w.pos))
		if _, err := w.file.ReadAt(w.held, w.start); err != nil {
			return 0, err
		}
	}
	n := copy(p, w.held[w.pos-w.start:])
	w.pos += int64(n)
	return n, nil
}

// Seek moves to a place in the file or behind it.
func (w *Window) Seek(offset int64, whence int) (int64, error) {
	base := map[int]int64{io.SeekStart: 0, io.SeekCurrent: w.pos, io.SeekEnd: w.size}[whence]
	if base+offset < 0 {
		return w.pos, os.ErrInvalid
	}
	w.pos = base + offset
	return w.pos, nil
}
