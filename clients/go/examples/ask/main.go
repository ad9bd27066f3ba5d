// Asks a model through an ATP server, shows the answer as it comes and then what it cost. The key comes from ATP_KEY:
//
//	ATP_KEY=atp_dev_... go run ./examples/ask "Prove that there are infinitely many primes."
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	atpv1 "atp.dev/go/atp/v1"
	"atp.dev/go/client"
)

func main() {
	prompt := cmp.Or(strings.Join(os.Args[1:], " "), "What is 17 * 23?")
	if err := ask(cmp.Or(os.Getenv("ATP_TARGET"), "127.0.0.1:7443"), os.Getenv("ATP_KEY"), prompt); err != nil {
		refusal := client.RefusalOf(err)
		fmt.Fprintln(os.Stderr, cmp.Or(refusal.Reason, refusal.Code.String())+":", refusal.Message)
		if cost := refusal.Metadata["cost_nano_usd"]; cost != "" {
			fmt.Fprintln(os.Stderr, "billed all the same:", cost, "nano-US-dollars")
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
	// Cancelling ends the call at the provider too.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	stream, err := atpv1.NewAskServiceClient(connection).AskStream(ctx, &atpv1.AskStreamRequest{
		Request: &atpv1.AskRequest{
			Input: &atpv1.AskRequest_Prompt{Prompt: prompt},
			OnCut: atpv1.OnCut_ON_CUT_RESTART,
		},
	})
	if err != nil {
		return err
	}
	var final *atpv1.Final
	for {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		switch {
		case event.GetDelta() != nil:
			fmt.Print(event.GetDelta().GetText())
		case event.GetSwitch().GetRestarts():
			fmt.Printf("\n(%s broke off; %s begins anew)\n",
				event.GetSwitch().GetLeft().GetModel(), event.GetSwitch().GetEntered().GetModel())
		case event.GetFinal() != nil:
			final = event.GetFinal()
		}
	}
	// A proxy may make a good end of a broken one; only this event is the end of an answer.
	if final == nil {
		return errors.New("the stream ended before the answer did")
	}
	fmt.Printf("\n%s, %d nano-US-dollars, %d attempts\n",
		final.GetTarget().GetModel(), final.GetTotalCostNanoUsd(), len(final.GetAttempts()))
	return nil
}
