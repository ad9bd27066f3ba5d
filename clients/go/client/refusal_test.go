package client

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestARefusalHoldsWhatTheServerSaid(t *testing.T) {
	info := &errdetails.ErrorInfo{Reason: "DRAINING", Domain: "atp.dev", Metadata: map[string]string{"models": "2"}}
	retry := &errdetails.RetryInfo{RetryDelay: durationpb.New(50 * time.Millisecond)}
	said, err := status.New(codes.Unavailable, "shutting down").WithDetails(info, retry, &errdetails.RequestInfo{RequestId: "4bf92f35"})
	if err != nil {
		t.Fatal(err)
	}

	for _, read := range []Refusal{RefusalOf(said.Err()), RefusalOfItem(said.Proto())} {
		if read.Code != codes.Unavailable || read.Reason != "DRAINING" || read.Message != "shutting down" {
			t.Errorf("%+v", read)
		}
		if read.TraceID != "4bf92f35" {
			t.Errorf("%+v", read)
		}
		if read.RetryAfter != 50*time.Millisecond || read.Metadata["models"] != "2" {
			t.Errorf("%+v", read)
		}
	}
}

func TestAnErrorThatNoServerMadeHasNoReason(t *testing.T) {
	foreign, err := status.New(codes.Internal, "oops").WithDetails(&errdetails.ErrorInfo{Reason: "DRAINING", Domain: "elsewhere"})
	if err != nil {
		t.Fatal(err)
	}

	if read := RefusalOf(foreign.Err()); read.Reason != "" || read.Code != codes.Internal {
		t.Errorf("%+v", read)
	}
	if read := RefusalOf(errors.New("plain")); read.Reason != "" || read.Code != codes.Unknown {
		t.Errorf("%+v", read)
	}
	if read := RefusalOf(nil); read.Code != codes.OK {
		t.Errorf("%+v", read)
	}
}
