package arch

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mynah-coach/mynah"

// rule says which of our own packages each may import; what is not named here
// has no place in the tree. The first pattern that matches holds.
func rule() []struct {
	pattern string
	allowed []string
} {
	return []struct {
		pattern string
		allowed []string
	}{
		{"coach", nil},
		{"audio", []string{"coach"}},
		{"prompts", []string{"coach"}},
		{"scorer", []string{"coach"}},
		{"scorer/model", nil}, // the model's files
		{"scorer/ort", []string{"coach", "scorer"}},
		{"store", []string{"coach"}},
		{"store/storetest", []string{"coach"}}, // the conformance suite of every queue
		{"rationale", []string{"coach", "prompts", "internal/endpoint"}},
		{"bots", []string{"coach", "audio", "prompts", "bots/card"}},
		{"bots/card", []string{"coach", "prompts"}}, // pictures of what bots say
		{"adapters/discord", []string{"coach", "internal/download"}},
		{"adapters/slack", []string{"coach", "internal/download"}},
		{"adapters/*", []string{"coach"}},
		{"adapters/discord/discordtest", nil}, // stand-ins of the platforms, for tests
		{"adapters/slack/slacktest", nil},
		{"voice", []string{"coach", "internal/endpoint"}},
		{"config", nil},
		{"cmd/*", []string{"*", "*/*"}},
		{"internal/download", []string{"coach"}}, // how recordings are fetched, and why one can't be
		{"internal/*", nil},                      // small and ours alone: the statistics of eval, how endpoints are asked, this test
	}
}

// outside names the packages of others that only some of ours may import.
func outside() map[string][]string {
	return map[string][]string{
		"github.com/yalue/onnxruntime_go":   {"scorer/ort"},
		"layeh.com/gopus":                   {"audio"},
		"github.com/nats-io":                {"store"},
		"github.com/sashabaranov/go-openai": {"rationale", "voice", "internal/endpoint"},
		"github.com/bwmarrin/discordgo":     {"adapters/discord"},
		"github.com/slack-go/slack":         {"adapters/slack"},
		"github.com/knadh/koanf":            {"config"},
		"code.dny.dev/ssrf":                 {"internal/download"},
	}
}

type goPackage struct {
	ImportPath string
	GoFiles    []string
	CgoFiles   []string
	Imports    []string
}

// list returns our packages as built with the tags.
func list(t *testing.T, tags string) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-tags", tags, "-json=ImportPath,GoFiles,CgoFiles,Imports", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles)+len(p.CgoFiles) > 0 { // else it has tests alone
			all = append(all, p)
		}
	}
}

// allowed returns what a package of ours may import, and whether it has a
// place in the tree.
func allowed(pkg string) ([]string, bool) {
	for _, r := range rule() {
		if matches(r.pattern, pkg) {
			return r.allowed, true
		}
	}
	return nil, false
}

func matches(pattern, pkg string) bool {
	ok, err := path.Match(pattern, pkg)
	return err == nil && ok
}

// violations lists what breaks the rule.
func violations(p goPackage) []string {
	pkg := strings.TrimPrefix(p.ImportPath, module+"/")
	may, placed := allowed(pkg)
	if !placed {
		return []string{pkg + " has no place in the tree: see the rule in internal/arch, and the page in docs that a new folder needs"}
	}
	var found []string
	for _, imported := range p.Imports {
		if own, ok := strings.CutPrefix(imported, module+"/"); ok {
			if !slices.ContainsFunc(may, func(pattern string) bool { return matches(pattern, own) }) {
				found = append(found, pkg+" must not import "+own)
			}
			continue
		}
		if pkg == "coach" && strings.Contains(strings.Split(imported, "/")[0], ".") {
			found = append(found, "coach must import the standard library only, not "+imported)
		}
		for prefix, only := range outside() {
			if !slices.Contains(only, pkg) && (imported == prefix || strings.HasPrefix(imported, prefix+"/")) {
				found = append(found, pkg+" must not import "+imported+": that is for "+strings.Join(only, " and "))
			}
		}
	}
	return found
}

func TestImportRuleHolds(t *testing.T) {
	for _, tags := range []string{"", "faults"} {
		packages := list(t, tags)
		if len(packages) < 3 {
			t.Fatalf("go list -tags %q found %d packages of ours", tags, len(packages))
		}
		for _, p := range packages {
			for _, v := range violations(p) {
				t.Error(v)
			}
		}
	}
}

// The rule itself notices what it is there for.
func TestViolationsAreFound(t *testing.T) {
	for _, tt := range []struct {
		pkg, imports string
		want         int
	}{
		{"coach", "fmt", 0},
		{"coach", module + "/audio", 1},
		{"coach", "golang.org/x/text/width", 1},
		{"scorer", module + "/scorer/ort", 1},
		{"scorer/ort", module + "/scorer", 0},
		{"bots", module + "/store", 1},
		{"bots", module + "/prompts", 0},
		{"adapters/slack", module + "/adapters/discord", 1},
		{"adapters/slack", module + "/coach", 0},
		{"adapters/slack", module + "/internal/download", 0},
		{"adapters/slack", "code.dny.dev/ssrf", 1},
		{"adapters/playground", module + "/internal/download", 1},
		{"internal/download", module + "/coach", 0},
		{"internal/endpoint", module + "/coach", 1},
		{"config", module + "/coach", 1},
		{"cmd/mynah", module + "/adapters/playground", 0},
		{"store", "github.com/nats-io/nats.go/jetstream", 0},
		{"bots", "github.com/nats-io/nats.go", 1},
		{"voice", "github.com/sashabaranov/go-openai", 0},
		{"voice", module + "/rationale", 1},
		{"bots", "github.com/sashabaranov/go-openai", 1},
		{"util", "fmt", 1},
		{"adapters/slack/internal", "fmt", 1},
	} {
		got := violations(goPackage{ImportPath: module + "/" + tt.pkg, Imports: []string{tt.imports}})
		if len(got) != tt.want {
			t.Errorf("%s importing %s: %q, want %d violations", tt.pkg, tt.imports, got, tt.want)
		}
	}
}
