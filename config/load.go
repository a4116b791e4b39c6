package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	koanfyaml "github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"go.yaml.in/yaml/v3"
)

const (
	envPrefix = "MYNAH_"
	// EnvFile names the settings file where the command line doesn't.
	EnvFile = envPrefix + "CONFIG"
)

// notOurs matches variables that begin with our prefix but are no options: the
// file's, those of tests, and what Kubernetes sets for a Service of our name.
var notOurs = regexp.MustCompile(`^MYNAH_(CONFIG$|TEST_|FAULT|(.+_)?(SERVICE_(HOST|PORT)|PORT)(_[A-Z0-9_]+)?$)`)

// Load reads the file at path ("" is none), the variables in environ
// ("NAME=value") and the "key=value" settings of the command line, each over
// the one before, over the defaults; then it reads the secrets' files and
// validates. The error joins every *Problem found.
func Load(path string, environ, settings []string) (*Config, error) {
	l := loader{config: Default()}
	l.config.origins = make(map[string]string)
	l.byKey = make(map[string]option)
	for _, o := range options(l.config) {
		l.byKey[o.key] = o
	}
	l.file(path)
	l.environ(environ)
	l.settings(settings)
	l.secretFiles()
	if len(l.problems) == 0 {
		l.problems = l.config.validate()
	}
	if len(l.problems) > 0 {
		return nil, errors.Join(l.problems...)
	}
	return l.config, nil
}

type loader struct {
	config   *Config
	byKey    map[string]option
	problems []error
}

func (l *loader) problem(key, origin, format string, args ...any) {
	l.problems = append(l.problems, &Problem{key, origin, fmt.Sprintf(format, args...)})
}

// apply sets every key of k; origin says where a key was set.
func (l *loader) apply(k *koanf.Koanf, origin func(key string) string) {
	for _, key := range k.Keys() {
		value := k.Get(key)
		o, known := l.byKey[key]
		switch {
		case !known && l.isSection(key):
			if value != nil { // nil: a section whose options are all commented out
				l.problem(key, origin(key), "is a section; put its options under it, indented")
			}
		case !known:
			l.problem(key, origin(key), "no such option%s", l.didYouMean(key))
		case value == nil: // "url:" with nothing after it
		default:
			if err := o.set(value); err != nil {
				l.problem(key, origin(key), "%v", err)
				continue
			}
			l.config.origins[key] = origin(key)
		}
	}
}

func (l *loader) isSection(key string) bool {
	for k := range l.byKey {
		if strings.HasPrefix(k, key+".") {
			return true
		}
	}
	return false
}

func (l *loader) file(path string) {
	if path == "" {
		return
	}
	k := koanf.New(".")
	name := filepath.Base(path)
	if err := k.Load(file.Provider(path), koanfyaml.Parser()); err != nil {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			l.problem("", path, "no such file; `mynah config sample` prints one to start from")
		case errors.Is(err, fs.ErrPermission):
			l.problem("", path, "cannot be read by this user")
		default:
			l.problem("", path, "%v", err)
		}
		return
	}
	lines := keyLines(path)
	l.apply(k, func(key string) string {
		if n := lines[key]; n > 0 {
			return fmt.Sprintf("%s:%d", name, n)
		}
		return name
	})
}

// keyLines finds the line of each key in the file; none for a file that
// can't be read.
func keyLines(path string) map[string]int {
	lines := make(map[string]int)
	b, err := os.ReadFile(path)
	if err != nil {
		return lines
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil || len(doc.Content) == 0 {
		return lines
	}
	var walk func(prefix string, n *yaml.Node)
	walk = func(prefix string, n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := prefix + n.Content[i].Value
			lines[key] = n.Content[i].Line
			walk(key+".", n.Content[i+1])
		}
	}
	walk("", doc.Content[0])
	return lines
}

func (l *loader) environ(environ []string) {
	byEnv := make(map[string]string)
	for key, o := range l.byKey {
		byEnv[o.env()] = key
	}
	k := koanf.New(".")
	provider := env.Provider(".", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			key, known := byEnv[name]
			switch {
			case known:
				return key, value
			case !notOurs.MatchString(name):
				near := nearest(name, keysOf(byEnv))
				if near != "" {
					near = "; did you mean " + near + "?"
				}
				l.problem("", name, "no such option%s", near)
			}
			return "", nil
		},
	})
	if err := k.Load(provider, nil); err != nil {
		l.problem("", "environment", "%v", err)
		return
	}
	l.apply(k, func(key string) string { return l.byKey[key].env() })
}

func (l *loader) settings(settings []string) {
	k := koanf.New(".")
	for _, s := range settings {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			// Without what was given: it could be a key's value.
			l.problem("", "--set", "wants key=value, for instance --set playground.addr=127.0.0.1:8081")
			continue
		}
		if err := k.Set(strings.TrimSpace(key), value); err != nil {
			l.problem(key, "--set", "%v", err)
		}
	}
	l.apply(k, func(string) string { return "--set" })
}

// fileSuffix is what a secret's key has more where it is given as a file's path.
const fileSuffix = "_file"

// secretFiles reads the file of each secret that names one: the option
// "x_file" belongs to the secret "x".
func (l *loader) secretFiles() {
	for _, o := range options(l.config) {
		secret, ok := o.field.Addr().Interface().(*Secret)
		fileKey := o.key + fileSuffix
		if !ok {
			continue
		}
		path := l.byKey[fileKey].field.String()
		if path == "" {
			continue
		}
		origin := l.config.origins[fileKey]
		if *secret != "" {
			l.problem(fileKey, origin, "%s is set too (%s); leave one of them out", o.key, l.config.origins[o.key])
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			l.problem(fileKey, origin, "%v", err)
			continue
		}
		*secret = Secret(strings.TrimSpace(string(b)))
		if *secret == "" {
			l.problem(fileKey, origin, "%s is empty", path)
		}
		l.config.origins[o.key] = fileKey
	}
}

func (l *loader) didYouMean(key string) string {
	if near := nearest(key, keysOf(l.byKey)); near != "" {
		return "; did you mean " + near + "?"
	}
	return "; `mynah config sample` lists them all"
}

func keysOf[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// nearest returns the candidate that s is most likely a slip of, "" where none
// is near: within a third of its length in edits, one that s goes on from, or
// one with the same last part.
func nearest(s string, candidates []string) string {
	best, bestEdits := "", 1+len(s)/3
	for _, c := range candidates {
		if strings.HasPrefix(s, c+".") {
			return c
		}
		if d := edits(s, c); d < bestEdits {
			best, bestEdits = c, d
		}
	}
	if best != "" {
		return best
	}
	last := s[strings.LastIndexByte(s, '.')+1:]
	for _, c := range candidates {
		if strings.HasSuffix(c, "."+last) {
			return c
		}
	}
	return ""
}

// edits is the Levenshtein distance in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
