// Asks an ATP server which model should serve a prompt, and reports how it went. The key comes from ATP_KEY:
//
//	ATP_KEY=atp_dev_... go run ./examples/route "Prove that there are infinitely many primes."
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	atpv1 "atp.dev/go/atp/v1"
	"atp.dev/go/client"
)

func main() {
	prompt := cmp.Or(strings.Join(os.Args[1:], " "), "What is 17 * 23?")
	if err := ask(cmp.Or(os.Getenv("ATP_TARGET"), "127.0.0.1:7443"), os.Getenv("ATP_KEY"), prompt); err != nil {
		refusal := client.RefusalOf(err)
		fmt.Fprintln(os.Stderr, cmp.Or(refusal.Reason, refusal.Code.String())+":", refusal.Message)
		if refusal.RetryAfter > 0 {
			fmt.Fprintln(os.Stderr, "worth another try in", refusal.RetryAfter)
		}
		os.Exit(1)
	}
}

func ask(target, key, prompt string) error {
	connection, err := client.Open(target, client.Options{Key: key})
	if err != nil {
		return err
	}
	defer connection.Close()
	// Retries happen inside this time.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	decision, err := atpv1.NewRouteServiceClient(connection).Route(ctx, &atpv1.RouteRequest{
		Input:       &atpv1.RouteRequest_Prompt{Prompt: prompt},
		Constraints: &atpv1.Constraints{MaxCostNanoUsd: proto.Int64(10_000_000)}, // one US cent
	})
	if err != nil {
		return err
	}
	fmt.Printf("%s at %s, drawn with probability %.3f\n",
		decision.GetTarget().GetModel(), decision.GetTarget().GetProvider(), decision.GetPropensity())

	// Call that model yourself, and the fallbacks in their order when it fails; then say how it went.
	report, err := atpv1.NewObserveServiceClient(connection).Observe(ctx, &atpv1.ObserveRequest{
		Decision: &atpv1.ObserveRequest_FeedbackToken{FeedbackToken: decision.GetFeedbackToken()},
		Quality:  proto.Float64(0.9),
		Attempts: []*atpv1.Attempt{{
			Model:       decision.GetTarget().GetModel(),
			CostNanoUsd: proto.Int64(412_000),
			Latency:     durationpb.New(850 * time.Millisecond),
		}},
	})
	if err != nil {
		return err
	}
	fmt.Println("recorded:", strings.Join(report.GetRecordedFields(), ", "))
	return nil
}
