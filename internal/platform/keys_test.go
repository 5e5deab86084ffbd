package platform

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"gocloud.dev/secrets"
)

// keyService is the least of AWS KMS: it turns what it is given around.
func keyService(w http.ResponseWriter, r *http.Request) {
	var request struct{ Plaintext, CiphertextBlob []byte }
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := map[string][]byte{}
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".Encrypt") {
		slices.Reverse(request.Plaintext)
		answer["CiphertextBlob"] = request.Plaintext
	} else {
		slices.Reverse(request.CiphertextBlob)
		answer["Plaintext"] = request.CiphertextBlob
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(answer)
}

func TestKeysOfAWS(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(keyService))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_ENDPOINT_URL_KMS", server.URL)
	keeper, err := secrets.OpenKeeper(t.Context(), "awskms://alias/kfmesh?region=eu-central-1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keeper.Close() })
	sealed, err := keeper.Encrypt(t.Context(), []byte("data key"))
	if err != nil || string(sealed) != "yek atad" {
		t.Fatalf("encrypted to %q, %v", sealed, err)
	}
	if opened, err := keeper.Decrypt(t.Context(), sealed); err != nil || string(opened) != "data key" {
		t.Errorf("decrypted to %q, %v", opened, err)
	}
}
