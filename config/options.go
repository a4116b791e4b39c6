package config

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// option is one leaf of Config.
type option struct {
	key   string        // "llm.url"
	field reflect.Value // addressable
}

// env is the option's variable in the environment.
func (o option) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(o.key, ".", "_"))
}

// options lists the leaves of c in the file's order.
func options(c *Config) []option {
	var all []option
	sections := reflect.ValueOf(c).Elem()
	for i := range sections.NumField() {
		section := sections.Type().Field(i).Tag.Get("koanf")
		if section == "" {
			continue
		}
		fields := sections.Field(i)
		for j := range fields.NumField() {
			all = append(all, option{section + "." + fields.Type().Field(j).Tag.Get("koanf"), fields.Field(j)})
		}
	}
	return all
}

// set gives the option a value as the YAML parser, the environment or the
// command line has it. Errors never quote a secret.
func (o option) set(value any) error {
	text, isText := value.(string)
	switch p := o.field.Addr().Interface().(type) {
	case *string:
		if !isText {
			return errors.New("must be a text; put it in quotes")
		}
		*p = text
	case *Secret:
		if !isText {
			return errors.New("must be a text; put it in quotes")
		}
		*p = Secret(text)
	case *bool:
		b, ok := value.(bool)
		if !ok {
			var err error
			if b, err = strconv.ParseBool(text); err != nil {
				return fmt.Errorf("must be true or false, not %v", quoted(value))
			}
		}
		*p = b
	case *int:
		n, ok := value.(int)
		if !ok {
			var err error
			if n, err = strconv.Atoi(strings.TrimSpace(text)); err != nil {
				return fmt.Errorf("must be a whole number, not %v", quoted(value))
			}
		}
		*p = n
	case *time.Duration:
		d, err := time.ParseDuration(strings.TrimSpace(text))
		if !isText || err != nil {
			return fmt.Errorf("must be a time with its unit such as 8s or 2m, not %v", quoted(value))
		}
		*p = d
	case *Bytes:
		if n, ok := value.(int); ok {
			text = strconv.Itoa(n)
		}
		b, err := ParseBytes(text)
		if err != nil {
			return fmt.Errorf("must be a size such as 25MiB, not %v", quoted(value))
		}
		*p = b
	case *[]string:
		list, err := stringList(value)
		if err != nil {
			return err
		}
		*p = list
	default:
		panic(fmt.Sprintf("config: option %s has a type that set does not know", o.key))
	}
	return nil
}

// stringList reads a YAML list, or a text with commas between its items.
func stringList(value any) ([]string, error) {
	var list []string
	switch v := value.(type) {
	case string:
		for item := range strings.SplitSeq(v, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = append(list, item)
			}
		}
	case []any:
		for _, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("must be a list of texts; put %v in quotes", item)
			}
			list = append(list, s)
		}
	default:
		return nil, fmt.Errorf("must be a list of texts, not %v", quoted(value))
	}
	return list, nil
}

// quoted shows a bad value, in quotes where it is a text.
func quoted(v any) any {
	if s, ok := v.(string); ok {
		return strconv.Quote(s)
	}
	return v
}

// yaml writes the option's value as YAML, without passwords.
func (o option) yaml() string {
	switch v := o.field.Interface().(type) {
	case string:
		return strconv.Quote(withoutPassword(v))
	case Secret:
		return strconv.Quote(v.String())
	case []string:
		items := make([]string, len(v))
		for i, s := range v {
			items[i] = strconv.Quote(s)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case bool, int:
		return fmt.Sprint(v)
	default: // durations and sizes
		return strconv.Quote(fmt.Sprint(v))
	}
}

// withoutPassword hides what stands before the @ of each URL in a
// comma-separated list.
func withoutPassword(s string) string {
	if !strings.Contains(s, "@") || !strings.Contains(s, "://") {
		return s
	}
	parts := strings.Split(s, ",")
	for i, p := range parts {
		u, err := url.Parse(strings.TrimSpace(p))
		if err != nil {
			return "(set)"
		}
		if u.User != nil {
			u.User = nil
			parts[i] = strings.Replace(u.String(), "://", "://(set)@", 1)
		}
	}
	return strings.Join(parts, ",")
}

// Write writes the settings in force as a YAML file, each that is not the
// default with where it was set. Secrets and passwords read "(set)".
func (c *Config) Write(w io.Writer) error {
	var b strings.Builder
	section := ""
	for _, o := range options(c) {
		s, name, _ := strings.Cut(o.key, ".")
		if s != section {
			section = s
			b.WriteString(s + ":\n")
		}
		b.WriteString("  " + name + ": " + o.yaml())
		if origin := c.origins[o.key]; origin != "" {
			b.WriteString(" # " + origin)
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
