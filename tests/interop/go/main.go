// Makes the calls that a test asks for, one JSON line each on standard input, and answers each with one line: how it ended and
// every detail that came with it. Connections are those of the Go client that we ship, with its service config.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"atp.dev/go/client"
)

// A call to make. Calls of one Channel share a connection.
type asked struct {
	Channel  string            `json:"channel"`
	Target   string            `json:"target"`
	Method   string            `json:"method"`
	Payload  []byte            `json:"payload"`
	Metadata map[string]string `json:"metadata"`
	Seconds  float64           `json:"seconds"`
}

// How a call ended, as a program in Go sees it.
type ended struct {
	Code       string            `json:"code"`
	Message    string            `json:"message"`
	Details    []string          `json:"details"`
	Reason     string            `json:"reason"`
	Domain     string            `json:"domain"`
	Metadata   map[string]string `json:"metadata"`
	RetryAfter *float64          `json:"retry_after_seconds"`
	Pushback   []string          `json:"pushback"`
	Payload    []byte            `json:"payload"`
	Took       float64           `json:"took_seconds"`
}

// plain moves bytes as they are, so that a test may send what is no message.
type plain struct{}

func (plain) Name() string                        { return "proto" }
func (plain) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }
func (plain) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = append([]byte(nil), data...)
	return nil
}

var _ encoding.Codec = plain{}

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve() error {
	connections := map[string]*grpc.ClientConn{}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var call asked
		if err := json.Unmarshal(lines.Bytes(), &call); err != nil {
			return err
		}
		connection := connections[call.Channel]
		if connection == nil {
			opened, err := client.Open(call.Target, client.Options{})
			if err != nil {
				return err
			}
			connection, connections[call.Channel] = opened, opened
		}
		if err := answers.Encode(perform(connection, call)); err != nil {
			return err
		}
	}
	return lines.Err()
}

func perform(connection *grpc.ClientConn, call asked) ended {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(call.Seconds*float64(time.Second)))
	defer cancel()
	ctx = metadata.NewOutgoingContext(ctx, metadata.New(call.Metadata))
	var reply []byte
	var trailer metadata.MD
	started := time.Now()
	err := connection.Invoke(ctx, call.Method, &call.Payload, &reply, grpc.ForceCodec(plain{}), grpc.Trailer(&trailer))
	result := ended{Took: time.Since(started).Seconds(), Payload: reply, Pushback: trailer.Get("grpc-retry-pushback-ms")}

	refusal := client.RefusalOf(err)
	result.Code, result.Message = code.Code(refusal.Code).String(), refusal.Message
	result.Reason, result.Metadata = refusal.Reason, refusal.Metadata
	for _, detail := range status.Convert(err).Proto().GetDetails() {
		result.Details = append(result.Details, string(detail.MessageName().Name()))
		info, retry := &errdetails.ErrorInfo{}, &errdetails.RetryInfo{}
		if detail.UnmarshalTo(info) == nil {
			result.Domain = info.GetDomain()
		}
		if detail.UnmarshalTo(retry) == nil {
			seconds := refusal.RetryAfter.Seconds()
			result.RetryAfter = &seconds
		}
	}
	return result
}
