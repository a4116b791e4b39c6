package discord

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/mynah-coach/mynah/adapters/discord/discordtest"
)

func TestInviteAsksForTheLeast(t *testing.T) {
	u, err := url.Parse(InviteURL("123"))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	// View Channels, Send Messages, Attach Files, Read Message History, Create
	// Public Threads, Send Messages in Threads.
	if u.Host != "discord.com" || q.Get("client_id") != "123" || q.Get("scope") != "bot applications.commands" || q.Get("permissions") != "309237746688" {
		t.Errorf("the link is %s", u)
	}
}

func TestProbe(t *testing.T) {
	s := discordtest.NewServer(t)
	cfg := Config{Token: discordtest.Token, APIURL: s.APIURL(), MessageContent: true}
	find := func(c Config, name string) Finding {
		t.Helper()
		for _, f := range c.Probe(t.Context()) {
			if strings.HasPrefix(f.Name, name) {
				if f.OK && f.Fix != "" && !strings.Contains(f.Detail, "no server") || !f.OK && f.Fix == "" {
					t.Errorf("%+v has the wrong fix", f)
				}
				return f
			}
		}
		t.Fatalf("no finding is called %s", name)
		return Finding{}
	}
	if f := find(cfg, "discord token"); !f.OK || !strings.Contains(f.Detail, s.ApplicationID()) {
		t.Errorf("%+v", f)
	}
	if f := find(cfg, "discord servers"); !f.OK || !strings.Contains(f.Fix, "oauth2/authorize") {
		t.Errorf("%+v", f)
	}
	if f := find(cfg, "discord message-content"); !f.OK {
		t.Errorf("%+v", f)
	}
	g := s.AddGuild("English")
	if f := find(cfg, `discord server "English"`); !f.OK {
		t.Errorf("%+v", f)
	}
	s.DenyGuild(g, discordtest.CreateThreads|discordtest.AttachFiles)
	if f := find(cfg, "discord server"); f.OK || !strings.Contains(f.Detail, "Create Public Threads") || !strings.Contains(f.Detail, "Attach Files") || strings.Contains(f.Detail, "View") {
		t.Errorf("%+v", f)
	}
	s.SetContentIntent(false)
	if f := find(cfg, "discord message-content"); f.OK || !strings.Contains(f.Fix, "developer portal") {
		t.Errorf("%+v", f)
	}
	without := cfg
	without.MessageContent = false
	if f := find(without, "discord message-content"); !f.OK || !strings.Contains(f.Detail, "/assess") {
		t.Errorf("%+v", f)
	}
	wrong := cfg
	wrong.Token = "another"
	if f := find(wrong, "discord token"); f.OK || !strings.Contains(f.Detail, "refuses the token") {
		t.Errorf("%+v", f)
	}
	if f := find(Config{}, "discord token"); f.OK {
		t.Errorf("%+v", f)
	}
	s.Close()
	if f := find(cfg, "discord token"); f.OK || strings.Contains(f.Detail, discordtest.Token) {
		t.Errorf("%+v", f)
	}
	if id, err := cfg.ApplicationID(t.Context()); err == nil {
		t.Errorf("application %q of nobody", id)
	}
}

func TestPageNamesEveryPermission(t *testing.T) {
	page, err := os.ReadFile("../../docs/discord.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.SplitSeq(string(page), "\n") {
		for _, p := range Permissions() {
			if strings.HasPrefix(line, "| "+p.Name+" | "+p.Why+" | ") {
				rows++
			}
		}
	}
	if rows != len(Permissions()) {
		t.Errorf("%d of %d permissions are explained as they are in the code", rows, len(Permissions()))
	}
}
