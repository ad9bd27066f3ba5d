// Package client opens connections to an ATP server, with the retries and the health watching that ATP is made for, and
// reads refusals. Calls are made with the generated stubs. It never lets a key travel to another machine in clear text
// unless told to.
package client

import (
	"context"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // Without it the service config's health watching does nothing, and says nothing.
	"google.golang.org/grpc/keepalive"
)

const (
	mebibyte = 1 << 20
	// What the server takes at most; a batch of 256 stays far below.
	maxMessageBytes = 16 * mebibyte
	// gRPC forgets how to retry a call whose request outgrows this; its own 256 KiB would exclude most batches.
	retryBufferBytes = 4 * mebibyte
)

// ServiceConfig is the service config that every ATP client carries: retries, retry budget, health watching.
//
//go:embed service_config.json
var ServiceConfig string

// ErrInsecureTarget is a connection without TLS that was asked for to a target that is not on this machine.
var ErrInsecureTarget = errors.New("the target is not on this machine, and without TLS anyone on the way could read the key")

// ErrMalformedKey is a key that no metadata can carry.
var ErrMalformedKey = errors.New("the key holds a sign that no key has; keys are letters, digits and underscores")

// Options of a connection. The zero value is a connection without a key to a server on this machine.
type Options struct {
	// Key is sent with every call, as metadata `authorization: Bearer ...`.
	Key string
	// TLS is how to talk to another machine; nil means clear text.
	TLS *tls.Config
	// AllowInsecure permits clear text to another machine.
	AllowInsecure bool
}

// Open makes a connection that any number of goroutines may share; the first call connects. Options of gRPC that are
// given come last and win.
func Open(target string, options Options, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	if strings.ContainsFunc(options.Key, func(sign rune) bool { return sign < '!' || sign > '~' }) {
		return nil, ErrMalformedKey
	}
	dial := []grpc.DialOption{
		grpc.WithDefaultServiceConfig(ServiceConfig),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(maxMessageBytes),
			grpc.MaxCallSendMsgSize(maxMessageBytes),
			grpc.MaxRetryRPCBufferSize(retryBufferBytes),
		),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: time.Minute, Timeout: 20 * time.Second}),
		// A server that was restarted is found again within five seconds; gRPC's own two minutes suit fleets, not callers.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithUserAgent("atp-go"),
	}
	if options.TLS != nil {
		dial = append(dial, grpc.WithTransportCredentials(credentials.NewTLS(options.TLS)))
	} else {
		if !options.AllowInsecure && !onThisMachine(target) {
			return nil, fmt.Errorf("%q: %w", target, ErrInsecureTarget)
		}
		// A proxy that the environment names must not read a key that travels in clear text.
		dial = append(dial, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	}
	if options.Key != "" {
		dial = append(dial, grpc.WithPerRPCCredentials(key(options.Key)))
	}
	return grpc.NewClient(target, append(dial, more...)...)
}

// key puts itself into the metadata of every call.
type key string

func (k key) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(k)}, nil
}

// RequireTransportSecurity leaves the question to Open, which knows the target.
func (k key) RequireTransportSecurity() bool { return false }

// onThisMachine tells whether a gRPC target is a socket file or a loopback address. A name other than localhost (RFC 6761)
// counts as elsewhere, whatever it resolves to.
func onThisMachine(target string) bool {
	scheme, rest, hasScheme := strings.Cut(target, ":")
	switch {
	case hasScheme && (scheme == "unix" || scheme == "unix-abstract"):
		return true
	case hasScheme && (scheme == "dns" || scheme == "passthrough"):
		target = rest[strings.LastIndex(rest, "/")+1:]
	}
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		host = strings.Trim(target, "[]")
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address := net.ParseIP(host)
	return address != nil && address.IsLoopback()
}
