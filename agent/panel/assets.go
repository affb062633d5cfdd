package panel

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed ui/*.html ui/panel.css ui/panel.js
var ui embed.FS

// assetPath is where the style sheet and the script lie. "-" is no device id.
const assetPath = "/panel/-/"

// assets are the files that never change under their name, because the name
// holds a hash of the content.
type assets struct {
	css, js string // addresses
	files   map[string]asset
}

type asset struct {
	mime string
	data []byte
}

func loadAssets() (*assets, error) {
	a := &assets{files: make(map[string]asset)}
	for _, f := range []struct {
		name, mime string
		address    *string
	}{
		{"panel.css", "text/css; charset=utf-8", &a.css},
		// Embedded browsers open an error dialog for types they do not list.
		{"panel.js", "application/javascript; charset=utf-8", &a.js},
	} {
		data, err := ui.ReadFile("ui/" + f.name)
		if err != nil {
			return nil, fmt.Errorf("panel asset: %w", err)
		}
		sum := sha256.Sum256(data)
		ext := path.Ext(f.name)
		name := strings.TrimSuffix(f.name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.files[name] = asset{f.mime, data}
		*f.address = assetPath + name
	}
	return a, nil
}

func (a *assets) serve(w http.ResponseWriter, r *http.Request, name string) {
	f, ok := a.files[name]
	if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Content-Type", f.mime)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
}
