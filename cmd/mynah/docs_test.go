package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mynah-coach/mynah/config"
)

// Every settings block of the pages, and every option that they name, exists.
func TestDocumentedSettingsExist(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^ *```yaml\n(.*?)^ *```")
	options := regexp.MustCompile("`([a-z]+\\.[a-z_]+)(?:: [a-z_]+)?`")
	sections := regexp.MustCompile(`(?m)^([a-z]+):`).FindAllStringSubmatch(config.Sample(), -1)
	found := 0
	check := func(page, text string) {
		path := filepath.Join(t.TempDir(), "mynah.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		found++
		if _, err := config.Load(path, nil, nil); err != nil && (strings.Contains(err.Error(), "no such option") || strings.Contains(err.Error(), "yaml: ")) {
			t.Errorf("%s: %v\n%s", page, err, text)
		}
	}
	for _, page := range append(pages, "../../README.md") {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range blocks.FindAllStringSubmatch(string(b), -1) {
			indent := m[1][:len(m[1])-len(strings.TrimLeft(m[1], " "))] // of a block in a list
			check(page, strings.TrimPrefix(strings.ReplaceAll("\n"+m[1], "\n"+indent, "\n"), "\n"))
		}
		for _, m := range options.FindAllStringSubmatch(string(b), -1) {
			section, name, _ := strings.Cut(m[1], ".")
			for _, s := range sections {
				if s[1] == section && name != "com" && name != "md" {
					check(page, section+":\n  "+name+":\n")
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d settings are documented", found)
	}
}
