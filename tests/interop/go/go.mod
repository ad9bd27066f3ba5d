// A caller in Go for the tests of refusals and retries, on the client that we ship.
module atp.dev/interop/go

go 1.26.0

replace atp.dev/go => ../../../clients/go

require (
	atp.dev/go v0.0.0-00010101000000-000000000000
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261019180522-ce908d29299b
	google.golang.org/grpc v1.85.0
)

require (
	golang.org/x/net v0.61.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
