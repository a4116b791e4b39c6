package discord

import (
	"encoding/json"
	"strconv"
	"time"
)

// What Discord sends, as far as it is read here. Everything may be missing, and
// components are left alone: there are always kinds that nobody knows yet.
// Identifiers are snowflakes: decimal numbers, ordered by time.

type user struct {
	ID  string `json:"id"`
	Bot bool   `json:"bot"`
}

type member struct {
	User        *user  `json:"user"`
	Permissions string `json:"permissions"` // of interactions: the asker's in the channel, as a decimal
}

type attached struct {
	ID          string  `json:"id"`
	Filename    string  `json:"filename"`
	ContentType string  `json:"content_type"`
	Size        int64   `json:"size"`
	URL         string  `json:"url"`
	Duration    float64 `json:"duration_secs"`
}

type message struct {
	ID          string     `json:"id"`
	ChannelID   string     `json:"channel_id"`
	GuildID     string     `json:"guild_id"`
	Author      *user      `json:"author"`
	WebhookID   string     `json:"webhook_id"`
	Type        int        `json:"type"`
	Flags       int        `json:"flags"`
	Content     string     `json:"content"`
	Attachments []attached `json:"attachments"`
	Reference   *struct {
		MessageID string `json:"message_id"`
		Type      int    `json:"type"` // 1: a forwarded message
	} `json:"message_reference"`
	Referenced *message `json:"referenced_message"`
}

const (
	messageDefault = 0
	messageReply   = 19
	flagVoice      = 1 << 13
)

type channel struct {
	ID            string `json:"id"`
	Type          int    `json:"type"`
	GuildID       string `json:"guild_id"`
	ParentID      string `json:"parent_id"`
	LastMessageID string `json:"last_message_id"`
}

// https://docs.discord.com/developers/resources/channel#channel-object-channel-types
const (
	channelText         = 0
	channelVoice        = 2
	channelAnnouncement = 5
	threadAnnouncement  = 10
	threadPublic        = 11
	threadPrivate       = 12
	channelStage        = 13
)

func (c channel) isThread() bool { return c.Type >= threadAnnouncement && c.Type <= threadPrivate }

// hasMessages tells whether people write in it.
func (c channel) hasMessages() bool {
	switch c.Type {
	case channelText, channelVoice, channelAnnouncement, channelStage:
		return true
	}
	return c.isThread()
}

type ready struct {
	Guilds []guild `json:"guilds"`
}

// archived is a page of a channel's archived threads, the latest first.
type archived struct {
	Threads []struct {
		channel
		Metadata struct {
			At time.Time `json:"archive_timestamp"`
		} `json:"thread_metadata"`
	} `json:"threads"`
	More bool `json:"has_more"`
}

type guild struct {
	ID          string    `json:"id"`
	Unavailable bool      `json:"unavailable"`
	Channels    []channel `json:"channels"`
	Threads     []channel `json:"threads"`
}

// interaction is one of all kinds; Data is read by kind.
type interaction struct {
	ID            string            `json:"id"`
	ApplicationID string            `json:"application_id"`
	Type          int               `json:"type"`
	GuildID       string            `json:"guild_id"`
	ChannelID     string            `json:"channel_id"`
	Channel       *channel          `json:"channel"`
	Member        *member           `json:"member"`
	User          *user             `json:"user"`
	Token         string            `json:"token"`
	Message       *message          `json:"message"`                        // that a component is on
	Owners        map[string]string `json:"authorizing_integration_owners"` // "0": the server that installed us
	Context       *int              `json:"context"`
	Data          json.RawMessage   `json:"data"`
}

const (
	interactionCommand   = 2
	interactionComponent = 3
	interactionModal     = 5

	contextPrivate = 2 // a conversation of others', which we are not part of

	permissionAdministrator = 1 << 3
	permissionManageGuild   = 1 << 5
)

type commandData struct {
	Name    string `json:"name"`
	Type    int    `json:"type"`
	Options []struct {
		Name  string          `json:"name"`
		Type  int             `json:"type"`
		Value json.RawMessage `json:"value"`
	} `json:"options"`
	TargetID string `json:"target_id"`
	Resolved struct {
		Attachments map[string]attached `json:"attachments"`
		Messages    map[string]message  `json:"messages"`
	} `json:"resolved"`
}

const (
	commandTyped   = 1
	commandMessage = 3
)

type componentData struct {
	CustomID string   `json:"custom_id"`
	Type     int      `json:"component_type"`
	Values   []string `json:"values"`
}

type modalData struct {
	CustomID   string `json:"custom_id"`
	Components []struct {
		Components []struct {
			CustomID string `json:"custom_id"`
			Value    string `json:"value"`
		} `json:"components"`
	} `json:"components"`
}

// What we send.

// outgoing is a message to be made or edited.
type outgoing struct {
	Content         string          `json:"content"`
	AllowedMentions allowedMentions `json:"allowed_mentions"`
	Components      []component     `json:"components"`
	Attachments     []attachment    `json:"attachments"`
	Flags           int             `json:"flags,omitempty"`
	Nonce           string          `json:"nonce,omitempty"`
	EnforceNonce    bool            `json:"enforce_nonce,omitempty"`
	Reference       *reference      `json:"message_reference,omitempty"`
	files           []upload
}

const (
	flagSuppressEmbeds = 1 << 2 // a link in a message is shown as it is, without a preview
	flagEphemeral      = 1 << 6
)

// allowedMentions allows none: its list is empty, not missing.
type allowedMentions struct {
	Parse []string `json:"parse"`
}

func noMentions() allowedMentions { return allowedMentions{Parse: []string{}} }

// attachment describes an upload, by its index among the files.
type attachment struct {
	ID          int    `json:"id"`
	Filename    string `json:"filename"`
	Description string `json:"description,omitempty"` // for who can't see it
}

// reference makes a message a reply.
type reference struct {
	MessageID       string `json:"message_id"`
	FailIfNotExists bool   `json:"fail_if_not_exists"`
}

// component is a row, or what is in one.
type component struct {
	Type         int         `json:"type"`
	Components   []component `json:"components,omitempty"`
	CustomID     string      `json:"custom_id,omitempty"`
	Style        int         `json:"style,omitempty"`
	Label        string      `json:"label,omitempty"`
	Placeholder  string      `json:"placeholder,omitempty"`
	Options      []option    `json:"options,omitempty"`
	MinValues    *int        `json:"min_values,omitempty"`
	MaxValues    int         `json:"max_values,omitempty"`
	ChannelTypes []int       `json:"channel_types,omitempty"`
	Defaults     []pick      `json:"default_values,omitempty"`
	MinLength    int         `json:"min_length,omitempty"`
	MaxLength    int         `json:"max_length,omitempty"`
	Required     *bool       `json:"required,omitempty"`
}

const (
	componentRow      = 1
	componentButton   = 2
	componentSelect   = 3
	componentText     = 4
	componentChannels = 8

	buttonPrimary   = 1
	buttonSecondary = 2
	buttonDanger    = 4
	textShort       = 1
	textParagraph   = 2
)

type option struct {
	Label       string `json:"label"`
	Value       string `json:"value"`
	Description string `json:"description,omitempty"`
	Default     bool   `json:"default,omitempty"`
}

// pick is what is chosen already in a menu of channels.
type pick struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// callback is the first answer to an interaction.
type callback struct {
	Type int `json:"type"`
	Data any `json:"data,omitempty"`
}

const (
	callbackMessage     = 4
	callbackDefer       = 5
	callbackDeferUpdate = 6
	callbackUpdate      = 7
	callbackModal       = 9
)

type modal struct {
	CustomID   string      `json:"custom_id"`
	Title      string      `json:"title"`
	Components []component `json:"components"`
}

// epoch is where snowflakes begin.
// https://docs.discord.com/developers/reference#snowflakes
const epoch = 1420070400000

// snowflakeAt is smaller than every identifier made at t or later.
func snowflakeAt(t time.Time) string {
	ms := t.UnixMilli() - epoch
	if ms < 0 {
		ms = 0
	}
	return strconv.FormatUint(uint64(ms)<<22, 10)
}

// timeOf is when an identifier was made.
func timeOf(snowflake string) time.Time {
	n, err := strconv.ParseUint(snowflake, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(int64(n>>22) + epoch)
}

// later tells whether snowflake a is of a later time than b.
func later(a, b string) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}

// isSnowflake tells whether s can be an identifier of Discord's.
func isSnowflake(s string) bool {
	if s == "" || len(s) > 20 {
		return false
	}
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil
}
