package client

import (
	"crypto/tls"
	"errors"
	"testing"
)

func TestClearTextGoesToThisMachineOnly(t *testing.T) {
	for target, isHere := range map[string]bool{
		"127.0.0.1:7443":            true,
		"[::1]:7443":                true,
		"localhost:7443":            true,
		"atp.localhost:7443":        true,
		"dns:///127.0.0.1:7443":     true,
		"dns:localhost:7443":        true,
		"passthrough:///[::1]:7443": true,
		"unix:/run/atp.sock":        true,
		"unix-abstract:atp":         true,
		"10.0.0.7:7443":             false,
		"atp.internal:7443":         false,
		"dns:///atp.internal:7443":  false,
		"localhost.example:7443":    false,
		"dns://127.0.0.1/atp:7443":  false,
	} {
		_, err := Open(target, Options{Key: "atp_dev_x_y"})
		if isHere != (err == nil) || isHere == errors.Is(err, ErrInsecureTarget) {
			t.Errorf("%s: %v", target, err)
		}
	}
}

func TestAnotherMachineIsReachedWithTLSOrOnPurpose(t *testing.T) {
	for _, options := range []Options{{TLS: &tls.Config{MinVersion: tls.VersionTLS13}}, {AllowInsecure: true}} {
		if _, err := Open("atp.internal:7443", options); err != nil {
			t.Errorf("%+v: %v", options, err)
		}
	}
}

func TestAKeyThatNoMetadataCanCarryIsRefusedBeforeAnythingIsSent(t *testing.T) {
	for _, bad := range []string{"a b", "line\nbreak", "clé"} {
		if _, err := Open("127.0.0.1:7443", Options{Key: bad}); !errors.Is(err, ErrMalformedKey) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
