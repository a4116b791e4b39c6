// Package model holds the trained model that mynah ships, embedded.
package model

import (
	"embed"
	"io/fs"
)

//go:embed *.json *.onnx
var files embed.FS

// Files returns the model's folder: manifest.json and the files that it names.
func Files() fs.FS { return files }
