package client

import (
	"maps"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const errorDomain = "atp.dev"

// Refusal is what a failed call, or one failed item of a batch, says about itself.
type Refusal struct {
	// Code decides what to do; codes.Unavailable is the one that is worth another try.
	Code codes.Code
	// Reason is that of atp/v1/error_reason.proto without its prefix; empty when no ATP server made the error.
	Reason string
	// Message is a sentence for people. Everything variable in it stands in Metadata.
	Message string
	// Metadata holds the variable parts; which keys a reason has stands beside it in the contract.
	Metadata map[string]string
	// Violations are the fields that break a rule.
	Violations []*errdetails.BadRequest_FieldViolation
	// Preconditions are the conditions that do not hold, such as why each model was refused.
	Preconditions []*errdetails.PreconditionFailure_Violation
	// Resource is what was looked for and not found; nil otherwise.
	Resource *errdetails.ResourceInfo
	// TraceID is what the server logged the call under; empty when it does not say.
	TraceID string
	// RetryAfter is how long the server asks to wait; zero when it does not.
	RetryAfter time.Duration
}

// RefusalOf reads the error of a call. For nil it gives codes.OK and nothing else.
func RefusalOf(err error) Refusal {
	return refusal(status.Convert(err))
}

// RefusalOfItem reads the error of one item of a batch or a stream.
func RefusalOfItem(failure *statuspb.Status) Refusal {
	return refusal(status.FromProto(failure))
}

func refusal(failure *status.Status) Refusal {
	read := Refusal{Code: failure.Code(), Message: failure.Message(), Metadata: map[string]string{}}
	for _, detail := range failure.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.GetDomain() == errorDomain {
				read.Reason = detail.GetReason()
				maps.Copy(read.Metadata, detail.GetMetadata())
			}
		case *errdetails.BadRequest:
			read.Violations = detail.GetFieldViolations()
		case *errdetails.PreconditionFailure:
			read.Preconditions = detail.GetViolations()
		case *errdetails.ResourceInfo:
			read.Resource = detail
		case *errdetails.RequestInfo:
			read.TraceID = detail.GetRequestId()
		case *errdetails.RetryInfo:
			read.RetryAfter = detail.GetRetryDelay().AsDuration()
		}
	}
	return read
}
