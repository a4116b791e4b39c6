package playground

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"
)

//go:embed page
var pageFiles embed.FS

// page serves the embedded files.
type page struct {
	files map[string]asset // by URL path
}

type asset struct {
	name string
	body []byte
	etag string
}

// contentTypes are fixed here: mime.TypeByExtension asks the machine.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json",
	".svg":  "image/svg+xml",
}

func newPage() (*page, error) {
	p := &page{files: map[string]asset{}}
	err := fs.WalkDir(pageFiles, "page", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := pageFiles.ReadFile(name)
		if err != nil {
			return err
		}
		if contentTypes[path.Ext(name)] == "" {
			return fmt.Errorf("page file %s has no content type", name)
		}
		sum := sha256.Sum256(body)
		url := "/" + name[len("page/"):]
		if url == "/index.html" {
			url = "/"
		}
		p.files[url] = asset{name, body, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
		return nil
	})
	return p, err
}

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := p.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", contentTypes[path.Ext(a.name)])
	h.Set("Cache-Control", "no-cache") // asked again each time, answered by the ETag
	h.Set("ETag", a.etag)
	http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.body))
}
