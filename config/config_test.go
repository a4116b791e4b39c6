package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const hush = "hunter2-never-seen"

var ignoreOrigins = cmp.Options{cmpopts.IgnoreUnexported(Config{}), cmpopts.EquateEmpty()}

// write puts a settings file into a new folder.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mynah.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSampleSetsEveryOptionToItsDefault(t *testing.T) {
	c, err := Load(write(t, Sample()), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), c, ignoreOrigins); diff != "" {
		t.Errorf("sample differs from the defaults (-default +sample):\n%s", diff)
	}
	for _, o := range options(c) {
		if c.origins[o.key] == "" {
			t.Errorf("the sample lacks %s", o.key)
		}
	}
}

func TestEveryOptionHasItsOwnVariable(t *testing.T) {
	seen := make(map[string]string)
	for _, o := range options(Default()) {
		if other, twice := seen[o.env()]; twice {
			t.Errorf("%s is the variable of %s and of %s", o.env(), other, o.key)
		}
		seen[o.env()] = o.key
		if notOurs.MatchString(o.env()) {
			t.Errorf("%s is taken for a variable of someone else", o.env())
		}
	}
	if got := seen["MYNAH_LLM_API_KEY_FILE"]; got != "llm.api_key_file" {
		t.Errorf("MYNAH_LLM_API_KEY_FILE sets %q", got)
	}
}

// Every option can be set from the file, the environment and the command line,
// with the same result.
func TestEveryOptionCanBeSetInEveryPlace(t *testing.T) {
	keyFile := filepath.Join(t.TempDir(), "key")
	botFile, slackFile, appFile := keyFile+".discord", keyFile+".slack", keyFile+".app"
	for path, text := range map[string]string{keyFile: hush, botFile: "aWQ.b." + hush, slackFile: "xoxb-" + hush, appFile: "xapp-" + hush} {
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	values := map[string]string{
		"data.dir": "/srv/mynah", "nats.url": "tls://a:4222,tls://b:4222", "nats.credentials": "/c.creds",
		"nats.replicas": "3", "nats.prefix": "school", "playground.enabled": "false",
		"playground.addr": "[::1]:9000", "playground.allowed_hosts": "mynah.example, speak.example", "playground.https": "true",
		"scorer.model": "/m", "scorer.runtime": "/lib/libonnxruntime.so", "scorer.device": "cuda",
		"scorer.concurrency": "3", "audio.max_seconds": "120", "audio.max_bytes": "3MiB",
		"audio.timeout": "30s", "audio.ffmpeg": "/bin/ffmpeg", "llm.url": "https://llm.example/v1",
		"llm.model": "small", "llm.api_key": hush, "llm.api_key_file": keyFile, "llm.timeout": "5s",
		"nats.ca": "/ca.pem", "discord.token": "aWQ.b." + hush, "discord.token_file": botFile, "discord.message_content": "false",
		"slack.bot_token": "xoxb-" + hush, "slack.bot_token_file": slackFile, "slack.mode": "http",
		"slack.app_token": "xapp-" + hush, "slack.app_token_file": appFile,
		"slack.signing_secret": hush, "slack.signing_secret_file": keyFile, "slack.addr": "127.0.0.1:7000",
		"slack.public_url": "https://mynah.example", "slack.client_id": "1.2",
		"slack.client_secret": hush, "slack.client_secret_file": keyFile,
		"voice.url": "http://127.0.0.1:8880/v1", "voice.model": "small", "voice.name": "clear",
		"voice.api_key": hush, "voice.api_key_file": keyFile, "voice.timeout": "3s",
		"privacy.consent": "opt_in", "privacy.minimum_age": "16", "privacy.contact": "privacy@school.example",
		"llm.max_tokens": "200", "limits.per_minute": "0", "limits.per_day": "7",
		"retention.history_days": "1", "retention.history_lessons": "2", "retention.known_days": "3",
		"log.level": "debug", "log.format": "json", "metrics.addr": "localhost:9090", "metrics.pprof": "true",
	}
	// These hold only together with another.
	slack := []string{"slack.bot_token", "slack.app_token"}
	install := []string{"slack.app_token", "slack.public_url", "slack.client_id", "slack.client_secret"}
	with := map[string][]string{
		"nats.replicas": {"nats.url"}, "nats.credentials": {"nats.url"}, "nats.ca": {"nats.url"}, "metrics.pprof": {"metrics.addr"},
		"slack.bot_token": slack, "slack.bot_token_file": {"slack.app_token"}, "slack.app_token": slack, "slack.app_token_file": {"slack.bot_token"},
		"slack.signing_secret": slack, "slack.signing_secret_file": slack,
		"slack.client_id": install, "slack.client_secret": install, "slack.client_secret_file": install[:3],
	}
	for _, o := range options(Default()) {
		t.Run(o.key, func(t *testing.T) {
			value, ok := values[o.key]
			if !ok {
				t.Fatal("no value to test this option with")
			}
			set := map[string]string{o.key: value}
			for _, other := range with[o.key] {
				set[other] = values[other]
			}
			var file strings.Builder
			var environ, settings []string
			for k, v := range set {
				section, name, _ := strings.Cut(k, ".")
				fmt.Fprintf(&file, "%s.%s: %q\n", section, name, v)
				environ = append(environ, option{key: k}.env()+"="+v)
				settings = append(settings, k+"="+v)
			}
			fromFile, err := Load(write(t, file.String()), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			fromEnv, err := Load("", environ, nil)
			if err != nil {
				t.Fatal(err)
			}
			fromArgs, err := Load("", nil, settings)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(fromFile, fromEnv, ignoreOrigins); diff != "" {
				t.Errorf("file and environment differ:\n%s", diff)
			}
			if diff := cmp.Diff(fromFile, fromArgs, ignoreOrigins); diff != "" {
				t.Errorf("file and command line differ:\n%s", diff)
			}
			for _, got := range options(fromFile) {
				if got.key == o.key && reflect.DeepEqual(got.field.Interface(), o.field.Interface()) {
					t.Errorf("%s still has its default %v", o.key, o.field.Interface())
				}
			}
		})
	}
}

func TestLaterPlacesGoBeforeEarlierOnes(t *testing.T) {
	path := write(t, "llm:\n  timeout: 1s\n  model: file\nlog: # nothing here\naudio:\n  max_bytes: 4096\n  ffmpeg:\n")
	c, err := Load(path, []string{"MYNAH_LLM_TIMEOUT=2s", "MYNAH_LIMITS_PER_DAY=5", "HOME=/x"}, []string{"limits.per_day=9"})
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.LLM.Timeout, want.LLM.Model, want.Limits.PerDay, want.Audio.MaxBytes = 2*time.Second, "file", 9, 4096
	if diff := cmp.Diff(want, c, ignoreOrigins); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	wantOrigins := map[string]string{"llm.timeout": "MYNAH_LLM_TIMEOUT", "llm.model": "mynah.yaml:3",
		"limits.per_day": "--set", "audio.max_bytes": "mynah.yaml:6"}
	if diff := cmp.Diff(wantOrigins, c.origins); diff != "" {
		t.Errorf("origins, -want +got:\n%s", diff)
	}
}

func TestProblemsNameThePlaceTheOptionAndTheWayOut(t *testing.T) {
	empty := write(t, " \n")
	for _, tt := range []struct {
		name, file string
		environ    []string
		settings   []string
		want       []string // a line each
	}{
		{name: "a slip in the file", file: "llm:\n  urll: http://x\n",
			want: []string{"mynah.yaml:2: llm.urll: no such option; did you mean llm.url?"}},
		{name: "a slip in a section", file: "playgrond:\n  enabled: false\n",
			want: []string{"mynah.yaml:2: playgrond.enabled: no such option; did you mean playground.enabled?"}},
		{name: "an option in no section", file: "replicas: 3\n",
			want: []string{"mynah.yaml:1: replicas: no such option; did you mean nats.replicas?"}},
		{name: "something else altogether", file: "blockchain:\n  enable_mining_now: false\n",
			want: []string{"mynah.yaml:2: blockchain.enable_mining_now: no such option; `mynah config sample` lists them all"}},
		{name: "a section with a value", file: "llm: http://x\n",
			want: []string{"mynah.yaml:1: llm: is a section; put its options under it, indented"}},
		{name: "an option with a section", file: "llm:\n  url:\n    host: x\n",
			want: []string{"mynah.yaml:3: llm.url.host: no such option; did you mean llm.url?"}},
		{name: "a slip in the environment", environ: []string{"MYNAH_LMM_URL=x"},
			want: []string{"MYNAH_LMM_URL: no such option; did you mean MYNAH_LLM_URL?"}},
		{name: "variables that Kubernetes sets are not ours", environ: []string{"MYNAH_SERVICE_HOST=1", "MYNAH_PORT=tcp://x", "MYNAH_PORT_8080_TCP_ADDR=x",
			"MYNAH_NATS_SERVICE_PORT_CLIENT=1", "MYNAH_NATS_PORT=1", "MYNAH_CONFIG=x"}},
		{name: "wrong kinds", file: "playground:\n  enabled: sometimes\naudio:\n  max_seconds: 1.5\n  timeout: 20\n  max_bytes: big\nllm:\n  url: 5\n  model: [a]\n",
			want: []string{
				`mynah.yaml:6: audio.max_bytes: must be a size such as 25MiB, not "big"`,
				`mynah.yaml:4: audio.max_seconds: must be a whole number, not 1.5`,
				`mynah.yaml:5: audio.timeout: must be a time with its unit such as 8s or 2m, not 20`,
				`mynah.yaml:9: llm.model: must be a text; put it in quotes`,
				`mynah.yaml:8: llm.url: must be a text; put it in quotes`,
				`mynah.yaml:2: playground.enabled: must be true or false, not "sometimes"`,
			}},
		{name: "values out of range", settings: []string{"audio.max_seconds=181", "scorer.device=gpu", "nats.replicas=3", "metrics.pprof=true"},
			want: []string{
				`--set: nats.replicas: more than 1 needs a cluster; set nats.url`,
				`--set: scorer.device: must be one of auto, cpu, cuda, not "gpu"`,
				`--set: audio.max_seconds: must be from 1 to 180, not 181`,
				`--set: metrics.pprof: is served at metrics.addr; set that too`,
			}},
		{name: "addresses", environ: []string{"MYNAH_PLAYGROUND_ADDR=8080", "MYNAH_LLM_URL=localhost:8000", "MYNAH_NATS_URL=nats://a,http://b"},
			want: []string{
				`MYNAH_NATS_URL: nats.url: must be a URL beginning with nats:// or tls:// or ws:// or wss://`,
				`MYNAH_PLAYGROUND_ADDR: playground.addr: must be host:port such as 127.0.0.1:8080, not "8080"`,
				`MYNAH_LLM_URL: llm.url: must be a URL beginning with http:// or https://`,
			}},
		{name: "one address twice", settings: []string{"metrics.addr=127.0.0.1:8080"},
			want: []string{"--set: metrics.addr: is the playground's address; choose another port"}},
		{name: "tokens that are something else", settings: []string{"discord.token=Bot " + hush, "slack.bot_token=xapp-" + hush, "slack.app_token=xoxb-" + hush},
			want: []string{
				"--set: discord.token: must be the token alone, without spaces or a word before it",
				"--set: discord.token: is not a bot's token, which has three parts with dots between; copy it from the Bot page of the application, not the client secret or the public key",
				"--set: slack.bot_token: must begin with xoxb-: the Bot User OAuth Token, from OAuth & Permissions",
				"--set: slack.app_token: must begin with xapp-: an app-level token with connections:write, from Basic Information",
			}},
		{name: "half of Slack", settings: []string{"slack.bot_token=xoxe.xoxb-" + hush},
			want: []string{"slack.app_token: is needed in socket mode: an app-level token with connections:write, from Basic Information"}},
		{name: "the other half of Slack", settings: []string{"slack.app_token=xapp-" + hush},
			want: []string{"--set: slack.app_token: needs slack.bot_token beside it, or slack.client_id and slack.client_secret"}},
		{name: "Slack over HTTP without its secret", settings: []string{"slack.bot_token=xoxb-" + hush, "slack.mode=http", "slack.public_url=http://x", "slack.addr=8081"},
			want: []string{
				"slack.signing_secret: is needed in http mode, to know Slack's requests; it is in Basic Information",
				"--set: slack.public_url: must be a URL beginning with https://",
				`--set: slack.addr: must be host:port such as 127.0.0.1:8080, not "8081"`,
			}},
		{name: "Slack for one workspace and for all", settings: []string{"slack.bot_token=xoxb-" + hush, "slack.app_token=xapp-" + hush, "slack.client_id=1.2"},
			want: []string{
				"--set: slack.client_id: is for an app that workspaces install by themselves; leave out slack.bot_token, or this",
				"--set: slack.client_id: and slack.client_secret belong together; set both or neither",
				"slack.public_url: is needed with slack.client_id: where browsers reach slack.addr by https",
			}},
		{name: "what Slack would need if it were on is not asked for", settings: []string{"slack.mode=http", "slack.addr=127.0.0.1:8080"}},
		{name: "consent", settings: []string{"privacy.consent=maybe", "privacy.minimum_age=99", "voice.url=ftp://x", "voice.timeout=1h"},
			want: []string{
				"--set: voice.url: must be a URL beginning with http:// or https://",
				"--set: voice.timeout: must be from 1s to 1m",
				`--set: privacy.consent: must be one of notice, opt_in, not "maybe"`,
				"--set: privacy.minimum_age: must be from 0 to 21, not 99",
			}},
		{name: "Slack's events at the playground's address", settings: []string{"slack.bot_token=xoxb-" + hush, "slack.mode=http", "slack.signing_secret=" + hush,
			"slack.addr=127.0.0.1:8080", "metrics.addr=127.0.0.1:8080"},
			want: []string{
				"--set: slack.addr: is the playground's address; choose another port",
				"--set: metrics.addr: is Slack's address; choose another port",
			}},
		{name: "a setting without value", settings: []string{"llm.url"},
			want: []string{"--set: wants key=value, for instance --set playground.addr=127.0.0.1:8081"}},
		{name: "a host with a scheme", settings: []string{"playground.allowed_hosts=https://x"},
			want: []string{`--set: playground.allowed_hosts: "https://x" must be a host's name, without scheme or path`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := empty
			if tt.file != "" {
				path = write(t, tt.file)
			}
			_, err := Load(path, tt.environ, tt.settings)
			var got []string
			if err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestBadFilesAreNamed(t *testing.T) {
	for _, tt := range []struct{ name, path, want string }{
		{"missing", filepath.Join(t.TempDir(), "none.yaml"), "no such file"},
		{"not YAML", write(t, "a: [1"), "yaml"},
		{"not a mapping", write(t, "- a\n- b\n"), "yaml"},
		{"twice the same option", write(t, "llm:\n  url: a\n  url: b\n"), "already defined"},
		{"a folder", t.TempDir(), "is a directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(tt.path, nil, nil)
			if err == nil || !strings.HasPrefix(err.Error(), tt.path+": ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one of %s that says %q", err, tt.path, tt.want)
			}
		})
	}
}

func TestSecretComesFromItsFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if err := os.WriteFile(path, []byte(" "+hush+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load("", []string{"MYNAH_LLM_API_KEY_FILE=" + path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.LLM.APIKey.Reveal(); got != hush {
		t.Errorf("key %q", got)
	}
	t.Run("both is an error", func(t *testing.T) {
		_, err := Load("", []string{"MYNAH_LLM_API_KEY_FILE=" + path, "MYNAH_LLM_API_KEY=" + hush}, nil)
		want := "MYNAH_LLM_API_KEY_FILE: llm.api_key_file: llm.api_key is set too (MYNAH_LLM_API_KEY); leave one of them out"
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	})
	t.Run("a missing file is an error", func(t *testing.T) {
		_, err := Load("", nil, []string{"llm.api_key_file=" + filepath.Join(dir, "none")})
		if err == nil || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("an empty file is an error", func(t *testing.T) {
		_, err := Load("", nil, []string{"llm.api_key_file=" + os.DevNull})
		if err == nil || !strings.Contains(err.Error(), "is empty") {
			t.Errorf("error %v", err)
		}
	})
}

func TestSecretFilesAreListed(t *testing.T) {
	dir := t.TempDir()
	key, bot := filepath.Join(dir, "key"), filepath.Join(dir, "bot")
	for path, text := range map[string]string{key: hush, bot: "aWQ.b." + hush} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load("", nil, []string{"nats.url=nats://a", "nats.credentials=/c.creds", "discord.token_file=" + bot, "voice.api_key_file=" + key, "llm.api_key=" + hush})
	if err != nil {
		t.Fatal(err)
	}
	want := []SecretFile{{"discord.token_file", bot}, {"voice.api_key_file", key}, {"nats.credentials", "/c.creds"}}
	if diff := cmp.Diff(want, c.SecretFiles()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !c.Discord.Enabled() || c.Discord.Token.Reveal() != "aWQ.b."+hush || c.Slack.Enabled() {
		t.Error("the file's token does not switch Discord on, or Slack is on without any")
	}
}

// However settings are printed, no secret is in it.
func TestSecretsAreNeverPrinted(t *testing.T) {
	c, err := Load("", []string{"MYNAH_LLM_API_KEY=" + hush, "MYNAH_NATS_URL=nats://u:" + hush + "@a:1,nats://" + hush + "@b:2"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"api_key: \"(set)\"", "nats://(set)@a:1,nats://(set)@b:2"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("settings lack %s:\n%s", want, b.String())
		}
	}
	for _, o := range options(c) {
		if secret, ok := o.field.Addr().Interface().(*Secret); ok {
			*secret = hush
		}
	}
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, problem := range c.validate() {
		b.WriteString(problem.Error())
	}
	s, sections := c.LLM.APIKey, []any{c.Discord, c.Slack, c.LLM, c.Voice}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T", "%08.3f"} {
		fmt.Fprintf(&b, verb+verb+verb, s, &s, sections)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("x", "key", s, "sections", sections)
	}
	j, err := json.Marshal(sections)
	if err != nil {
		t.Fatal(err)
	}
	b.Write(j)
	for _, settings := range [][]string{{hush}, {"llm.api_key"}, {"llm.api_key.x=" + hush}, {"llm.apikey=" + hush}, {"nats.url=x://" + hush + "@"}, {"llm.url=:" + hush}, {"llm.url=https://u:" + hush + "@h/v1"}} {
		_, err := Load("", nil, settings)
		if err == nil {
			t.Errorf("no error for %d settings", len(settings))
			continue
		}
		b.WriteString(err.Error())
	}
	_, err = Load(write(t, "llm:\n  api_key: ["+hush+"]\n"), nil, nil)
	if err == nil {
		t.Error("a list was taken for a key")
	} else {
		b.WriteString(err.Error())
	}
	if strings.Contains(b.String(), hush) {
		t.Errorf("a secret is in:\n%s", b.String())
	}
}

func TestWriteCanBeLoadedAgain(t *testing.T) {
	c, err := Load("", nil, []string{"playground.allowed_hosts=a.example,b.example", "audio.max_bytes=1500", "llm.model=a \"b\" \\ c", "llm.timeout=90s"})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	again, err := Load(write(t, b.String()), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, again, ignoreOrigins); diff != "" {
		t.Errorf("-written +read:\n%s", diff)
	}
}

func TestBytes(t *testing.T) {
	for in, want := range map[string]Bytes{"0": 0, "1024": 1024, "25MiB": 25 << 20, "1.5 KiB": 1536, "2MB": 2e6, " 7 B ": 7, "1GiB": 1 << 30} {
		if got, err := ParseBytes(in); err != nil || got != want {
			t.Errorf("ParseBytes(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "MiB", "-1", "1 TB", "NaN", "1e300", "infGiB", "25Mi"} {
		if got, err := ParseBytes(in); err == nil {
			t.Errorf("ParseBytes(%q) = %d, want an error", in, got)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(Sample()))
	f.Add([]byte("llm: {api_key: x, timeout: 1h}"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("? [x]\n: y\n"))
	path := filepath.Join(f.TempDir(), "fuzz.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path, nil, nil)
		if err == nil {
			if err = c.Validate(); err != nil {
				t.Errorf("what was loaded isn't valid: %v", err)
			}
			return
		}
		for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
			var p *Problem
			if !errors.As(e, &p) || p.Text == "" {
				t.Errorf("not a Problem: %v", e)
			}
		}
	})
}
