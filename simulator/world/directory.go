package world

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/csv"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/platen-fax/platen/simulator/reader"
)

// Files of device login.
const (
	peopleFile    = "people.csv"
	scimTokenFile = "scim.token"
	agentCertFile = "agent.crt"
	agentKeyFile  = "agent.key"
)

// writeDirectory writes the CSV directory, if there is one, in one piece.
func (w *World) writeDirectory() error {
	if w.company.Directory != DirectoryCSV {
		return nil
	}
	var out bytes.Buffer
	table := csv.NewWriter(&out)
	lines := [][]string{{"email", "name", "badge", "enabled", "may_send"}}
	for _, p := range w.People() {
		enabled, may := "yes", "yes"
		if p.State == Disabled {
			enabled = "no"
		}
		if p.MaySend != nil && !*p.MaySend {
			may = "no"
		}
		badges := p.Badges
		if len(badges) == 0 {
			badges = []string{""}
		}
		for _, b := range badges {
			lines = append(lines, []string{p.Email, p.Name, b, enabled, may})
		}
	}
	if err := table.WriteAll(lines); err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	file := filepath.Join(w.dir, peopleFile)
	if err := os.WriteFile(file+".new", out.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// addReaders puts a card reader at every device.
func (w *World) addReaders() error {
	for _, s := range w.Stations {
		r, err := reader.New(filepath.Join(w.dir, "reader-"+s.ID), reader.Options{})
		if err != nil {
			return err
		}
		s.Reader = r
	}
	return nil
}

// addSCIM makes the certificate and the token of the agent's SCIM address and
// takes a port for it.
func (w *World) addSCIM() error {
	port, err := freePort()
	if err != nil {
		return err
	}
	w.scim = fmt.Sprintf("127.0.0.1:%d", port)
	w.scimToken = secret()
	cert, err := w.authority.Server("Platen agent")
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		return err
	}
	var chain []byte
	for _, der := range cert.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(w.dir, scimTokenFile), []byte(w.scimToken+"\n"), 0o600),
		os.WriteFile(filepath.Join(w.dir, agentCertFile), chain, 0o644),
		os.WriteFile(filepath.Join(w.dir, agentKeyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600),
	)
}

// The forms of SCIM that are needed to tell about people.
const (
	scimPath       = "/scim/v2"
	scimType       = "application/scim+json"
	scimUser       = "urn:ietf:params:scim:schemas:core:2.0:User"
	scimEnterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	scimPatch      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

// Provision tells the agent's SCIM address about everybody, as a cloud directory
// does in its first cycle: it looks for each person and creates who is not
// there. The agent must be running.
func (w *World) Provision(ctx context.Context) error {
	for _, p := range w.People() {
		id, err := w.scimID(ctx, p)
		if err != nil {
			return err
		}
		if id != "" {
			continue
		}
		user := map[string]any{
			"schemas": []string{scimUser, scimEnterprise}, "externalId": p.ID, "userName": p.Email, "displayName": p.Name,
			"active": p.State != Disabled, "emails": []map[string]any{{"primary": true, "type": "work", "value": p.Email}},
		}
		if len(p.Badges) > 0 {
			user[scimEnterprise] = map[string]any{"employeeNumber": p.Badges[0]}
		}
		if _, err := w.scimAsk(ctx, http.MethodPost, "/Users", user, http.StatusCreated); err != nil {
			return err
		}
	}
	return nil
}

// Deactivate tells the agent's SCIM address that somebody may not sign in any
// more, in the way of Entra: a text instead of a truth value.
func (w *World) Deactivate(ctx context.Context, person string) error {
	p, ok := w.Person(person)
	if !ok {
		return fmt.Errorf("no person %q", person)
	}
	id, err := w.scimID(ctx, p)
	if err != nil {
		return err
	}
	if id == "" {
		return fmt.Errorf("the agent does not know %s", person)
	}
	op := map[string]any{"schemas": []string{scimPatch}, "Operations": []map[string]any{{"op": "Replace", "path": "active", "value": "False"}}}
	_, err = w.scimAsk(ctx, http.MethodPatch, "/Users/"+id, op, http.StatusOK)
	return err
}

// scimID looks for a person and returns the agent's id, "" if it has none.
func (w *World) scimID(ctx context.Context, p Person) (string, error) {
	body, err := w.scimAsk(ctx, http.MethodGet, `/Users?filter=`+strings.ReplaceAll(`userName eq "`+p.Email+`"`, " ", "%20"), nil, http.StatusOK)
	if err != nil {
		return "", err
	}
	var list struct {
		Resources []struct {
			ID string `json:"id"`
		} `json:"Resources"`
	}
	if err := json.Unmarshal(body, &list); err != nil || len(list.Resources) == 0 {
		return "", err
	}
	return list.Resources[0].ID, nil
}

func (w *World) scimAsk(ctx context.Context, method, path string, in any, want int) ([]byte, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, "https://"+w.scim+scimPath+strings.ReplaceAll(path, `"`, "%22"), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+w.scimToken)
	if in != nil {
		req.Header.Set("Content-Type", scimType)
	}
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: w.Pool(), MinVersion: tls.VersionTLS12}, DisableKeepAlives: true,
	}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("tell the agent about people: %w", err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxControl))
	if err != nil {
		return nil, fmt.Errorf("tell the agent about people: %w", err)
	}
	if resp.StatusCode != want && (want != http.StatusOK || resp.StatusCode != http.StatusNoContent) {
		return nil, fmt.Errorf("tell the agent about people: %s %s: it answers %s %.200s", method, path, resp.Status, data)
	}
	return data, nil
}
