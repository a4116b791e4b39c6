package scorer

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math"

	"github.com/mynah-coach/mynah/coach"
)

// ManifestFormat is the only format that this version understands.
const ManifestFormat = 1

// Manifest describes a trained model: what its files are, what its outputs
// mean, and the rubric and thresholds that belong to it. Training writes it
// beside the .onnx files; it is the one source of truth of both sides.
type Manifest struct {
	Format       int                 `json:"format"`
	Name         string              `json:"name"`
	Version      string              `json:"version"`
	Licence      string              `json:"licence"`
	Files        map[string]FileInfo `json:"files"` // "acoustic", "judge" and, where there is one, "g2p"
	SampleRate   int                 `json:"sample_rate"`
	FrameSeconds float64             `json:"frame_seconds"`
	HiddenSize   int                 `json:"hidden_size"`
	MinSeconds   float64             `json:"min_seconds"`
	MaxSeconds   float64             `json:"max_seconds"` // what one run of the acoustic graph takes
	Phonemes     []PhonemeInfo       `json:"phonemes"`    // class i+1 of the graphs
	Rubric       coach.Rubric        `json:"rubric"`
	Refusal      Refusal             `json:"refusal"`
	Heard        HeardRule           `json:"heard"`
}

// FileInfo pins one file.
type FileInfo struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// PhonemeInfo is one phoneme of the inventory.
type PhonemeInfo struct {
	ARPAbet coach.Phoneme `json:"arpabet"`
	IPA     string        `json:"ipa"`
	// IPAUnstressed, where it differs, is written for a vowel without stress.
	IPAUnstressed string `json:"ipa_unstressed,omitempty"`
	Vowel         bool   `json:"vowel"`
}

// Refusal holds the thresholds below which nothing is scored, and what it
// costs to leave the sentence, chosen on speakers held out of training.
//
// The features of an utterance's match with its sentence are measured on the
// best alignment with detours (skipped words, other speech between words):
//   - match: mean over the phones said of the highest posterior of the phoneme
//     in its frames (0-1)
//   - error_rate: edit distance between the greedy CTC decoding of all but the
//     other speech and the phones said, over the number of phones said (at most
//     1.5)
//   - margin: (log likelihood of the alignment - of the best free path), both
//     without the other speech, per phone said (-8 to 0)
//   - said: share of the sentence's phones that were said (0-1)
//   - covered: share of the phones of the greedy decoding that are not in other
//     speech (0-1)
//   - order: (log likelihood of the alignment - of the likeliest of four other
//     orders of the same phones), both without the other speech, per phone said (-4 to 8; 3 where there
//     is no other order)
//
// It is refused as not matching when Match*match + ErrorRate*error_rate +
// Margin*margin + Said*said + Covered*covered + Order*order + Bias < 0.
type Refusal struct {
	Match     float64 `json:"match"`
	ErrorRate float64 `json:"error_rate"`
	Margin    float64 `json:"margin"`
	Said      float64 `json:"said"`
	Covered   float64 `json:"covered"`
	Order     float64 `json:"order,omitempty"`
	Bias      float64 `json:"bias"`

	// Doubt is how far below zero the sum may be of speech that may be the
	// sentence all the same, read very poorly: it is scored where its accuracy is
	// then Bad or Worst, and refused where it isn't.
	Doubt float64 `json:"doubt,omitempty"`

	// MinPhones is the least number of phones in the greedy decoding, and
	// MinPosterior the least mean of their peak posteriors, of anything that is
	// speech at all. What matches the sentence needs no MinPosterior.
	MinPhones    int     `json:"min_phones"`
	MinPosterior float64 `json:"min_posterior"`

	// SkipStart is the log likelihood that it costs not to say a word, SkipWord
	// what it costs for each of its phones (of the shortest way to say it).
	// InsertStart is the cost of other speech between words (a false start, a
	// repeated word), InsertFrame that of each of its frames in which a phone is
	// likeliest. All are negative; 0 stands for this version's own.
	SkipStart   float64 `json:"skip_start,omitempty"`
	SkipWord    float64 `json:"skip_word"`
	InsertStart float64 `json:"insert_start,omitempty"`
	InsertFrame float64 `json:"insert_frame,omitempty"`
}

// HeardRule says when a phone is reported as another: only at labels up to
// MaxLabel and with at least MinProbability.
type HeardRule struct {
	MaxLabel       coach.Label `json:"max_label"`
	MinProbability float64     `json:"min_probability"`
}

// ReadManifest reads manifest.json from a model's folder and refuses one that
// this version does not understand.
func ReadManifest(dir fs.FS) (*Manifest, error) {
	b, err := fs.ReadFile(dir, "manifest.json")
	if err != nil {
		return nil, fmt.Errorf("model manifest: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("model manifest: %w", err)
	}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("model manifest: %w", err)
	}
	return &m, nil
}

func (m *Manifest) validate() error {
	switch {
	case m.Format != ManifestFormat:
		return fmt.Errorf("format %d, this version reads %d", m.Format, ManifestFormat)
	case m.SampleRate != coach.SampleRate:
		return fmt.Errorf("sample rate %d, want %d", m.SampleRate, coach.SampleRate)
	case m.FrameSeconds <= 0 || m.HiddenSize <= 0 || len(m.Phonemes) == 0:
		return fmt.Errorf("frame_seconds, hidden_size or phonemes missing")
	}
	for name, bands := range map[string][]coach.Band{"sentence": m.Rubric.Sentence, "word": m.Rubric.Word, "phone": m.Rubric.Phone} {
		if len(bands) != len(coach.Labels()) {
			return fmt.Errorf("rubric of the %s has %d bands, want %d", name, len(bands), len(coach.Labels()))
		}
		for i, b := range bands {
			if b.Label != coach.Labels()[i] || i > 0 && b.From <= bands[i-1].From {
				return fmt.Errorf("rubric of the %s is not ordered worst first", name)
			}
		}
	}
	for _, f := range []string{"acoustic", "judge"} {
		if _, ok := m.Files[f]; !ok {
			return fmt.Errorf("file %q missing", f)
		}
	}
	for f, info := range m.Files {
		if !fs.ValidPath(info.Name) || len(info.SHA256) != 64 {
			return fmt.Errorf("file %q without a name or sha256", f)
		}
	}
	if m.hop() < 1 || m.MinSeconds <= 0 || m.MaxSeconds < 4*contextSeconds {
		return fmt.Errorf("frame_seconds, min_seconds or max_seconds make no sense")
	}
	seen := map[coach.Phoneme]bool{}
	for _, p := range m.Phonemes {
		if p.ARPAbet == "" || p.IPA == "" || seen[p.ARPAbet] {
			return fmt.Errorf("phoneme %q is nameless, has no IPA or is listed twice", p.ARPAbet)
		}
		seen[p.ARPAbet] = true
	}
	return nil
}

// Classes is the number of the graphs' classes: blank and the phonemes.
func (m *Manifest) Classes() int { return 1 + len(m.Phonemes) }

// hop is the number of samples from one frame to the next.
func (m *Manifest) hop() int { return int(math.Round(m.FrameSeconds * float64(m.SampleRate))) }
