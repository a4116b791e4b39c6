package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/mynah-coach/mynah/coach"
)

// evaluated is what became of one utterance; the form in which it is kept.
type evaluated struct {
	Key        string            `json:"key"`
	ID         string            `json:"id"`
	Refused    coach.Reason      `json:"refused,omitempty"`
	Assessment *coach.Assessment `json:"assessment,omitempty"`
	// Every has judgements of all words, where Assessment takes some for not said
	// or the recording was refused; nil where neither is so, or where all of them
	// can't have been said.
	Every *coach.Assessment `json:"every,omitempty"`
}

// judged is what there is to hold against experts, who score what is refused
// too: nil if nothing.
func (e evaluated) judged() *coach.Assessment { return cmp.Or(e.Assessment, e.Every) }

// keptVersion is of what evaluated holds: what another one has kept is not read.
const keptVersion = 3

// keptFile is where the results are in the folder of --out.
const keptFile = "assessments.jsonl"

// keptKey tells results apart: another model, other thresholds in its manifest,
// another recording or another pronunciation make another result.
func keptKey(manifest, recording []byte, u expertUtterance) string {
	h := sha256.New()
	var lengths [2]int
	for i, b := range [][]byte{manifest, recording} {
		lengths[i] = len(b)
		h.Write(b)
	}
	spoken := []any{keptVersion, lengths, u.Text}
	for _, w := range u.Words {
		spoken = append(spoken, w.Text, w.Phones)
	}
	_ = json.NewEncoder(h).Encode(spoken) // strings and numbers; a hash takes everything
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// keptResults holds the results so far, and appends new ones to a file. Its
// methods may be called from several goroutines at once.
type keptResults struct {
	mu   sync.Mutex
	all  map[string]evaluated
	file *os.File // nil: they are not kept
}

// openKept reads what earlier runs left in a folder, which is made; "" keeps
// nothing. The caller closes it.
func openKept(dir string) (*keptResults, error) {
	k := &keptResults{all: map[string]evaluated{}}
	if dir == "" {
		return k, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, keptFile)
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range bytes.Lines(b) {
		var done evaluated
		// A last line that was cut off is done again.
		if json.Unmarshal(line, &done) == nil {
			k.all[done.Key] = done
		}
	}
	// Voices and their scores are their owner's alone.
	if k.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	if len(b) > 0 && b[len(b)-1] != '\n' { // it must not begin the next one
		if _, err := k.file.WriteString("\n"); err != nil {
			return nil, errors.Join(err, k.file.Close())
		}
	}
	return k, nil
}

func (k *keptResults) get(key string) (evaluated, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	done, ok := k.all[key]
	return done, ok
}

func (k *keptResults) add(done evaluated) error {
	b, err := json.Marshal(done)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all[done.Key] = done
	if k.file == nil {
		return nil
	}
	_, err = k.file.Write(append(b, '\n'))
	return err
}

// Close closes the file.
func (k *keptResults) Close() error {
	if k.file == nil {
		return nil
	}
	return k.file.Close()
}
