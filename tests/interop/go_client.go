// Go's net/http and gorilla/websocket: `go_client HTTP_URL WS_URL LONG_MS`.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

type object = map[string]any

type reply struct {
	Version string          `json:"jsonrpc"`
	Id      any             `json:"id"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Code int `json:"code"`
	} `json:"error"`
}

func check(good bool, what ...any) {
	if !good {
		log.Panicln(what...)
	}
}

func must(err error, what string) {
	check(err == nil, what, err)
}

func text(method string, params, id any) []byte {
	request := object{"jsonrpc": "2.0", "method": method, "params": params}
	if id != nil {
		request["id"] = id
	}
	bytes, err := json.Marshal(request)
	must(err, method)
	return bytes
}

// A reply's result, or its error's code.
func (r reply) says() string {
	if r.Error != nil {
		return strconv.Itoa(r.Error.Code)
	}
	return string(r.Result)
}

func post(ctx context.Context, url string, body io.Reader) (int, reply, error) {
	var answer reply
	request, err := http.NewRequestWithContext(ctx, "POST", url, body)
	must(err, "a request")
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, answer, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		err = json.NewDecoder(response.Body).Decode(&answer)
	}
	return response.StatusCode, answer, err
}

// The calls that are made in every way, and their replies.
func calls(long int, ask func(method string, params any) string) {
	big := strings.Repeat("x", 1_000_000)
	for _, each := range []struct {
		method string
		params any
		says   string
	}{
		{"demo.sum", []int{1, 2, 4}, "7"},
		{"demo.echo", []string{"é\U0001F600"}, "[\"é\U0001F600\"]"},
		{"demo.echo", []string{big}, "[\"" + big + "\"]"},
		{"no.such", []int{}, "-32601"},
		{"demo.fail", object{"code": 1234567, "message": "asked for"}, "1234567"},
		{"demo.sleep", object{"ms": long}, fmt.Sprintf(`{"slept_ms":%d}`, long)},
	} {
		says := ask(each.method, each.params)
		check(says == each.says, each.method, says[:min(len(says), 100)])
	}
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

func overHttp(url string, long int) {
	background := context.Background()
	calls(long, func(method string, params any) string {
		_, answer, err := post(background, url, bytes.NewReader(text(method, params, 1)))
		must(err, method)
		return answer.says()
	})

	status, _, err := post(background, url, bytes.NewReader(text("demo.subtract", []int{2, 1}, nil)))
	check(err == nil && status == 204, "a notification", status, err)

	// A reader of unknown length is sent in chunks.
	_, answer, err := post(background, url, io.MultiReader(bytes.NewReader(text("demo.sum", []int{1, 2}, 1))))
	check(err == nil && answer.says() == "3", "chunked", answer.says(), err)

	var all sync.WaitGroup
	for n := 0; n < 50; n++ {
		all.Add(1)
		go func(n int) {
			defer all.Done()
			_, answer, err := post(background, url, bytes.NewReader(text("demo.sum", []int{n}, n)))
			check(err == nil && answer.says() == strconv.Itoa(n), "at once", answer.says(), err)
		}(n)
	}
	all.Wait()

	limited, cancel := context.WithTimeout(background, 100*time.Millisecond)
	defer cancel()
	_, _, err = post(limited, url, bytes.NewReader(text("demo.sleep", object{"ms": 600_000}, 1)))
	check(errors.Is(err, context.DeadlineExceeded), "given up", err)
	_, answer, err = post(background, url, bytes.NewReader(text("demo.sum", []int{5}, 1)))
	check(err == nil && answer.says() == "5", "after it", answer.says(), err)
}

func receive(socket *websocket.Conn) reply {
	var answer reply
	must(socket.ReadJSON(&answer), "a reply")
	return answer
}

func overWebSocket(url string, long int) {
	dialer := websocket.Dialer{Subprotocols: []string{"chat", "jsonrpc"}, EnableCompression: true}
	socket, _, err := dialer.Dial(url, nil)
	must(err, "the handshake")
	check(socket.Subprotocol() == "jsonrpc", "subprotocol", socket.Subprotocol())
	calls(long, func(method string, params any) string {
		must(socket.WriteMessage(websocket.TextMessage, text(method, params, 1)), method)
		return receive(socket).says()
	})

	must(socket.WriteMessage(websocket.TextMessage, text("demo.sleep", object{"ms": 600_000}, "long")), "a long call")
	must(socket.WriteMessage(websocket.TextMessage, text("rpc.cancel", object{"id": "long"}, "cancel")), "a cancel")
	replies := object{}
	for len(replies) < 2 {
		answer := receive(socket)
		replies[answer.Id.(string)] = answer.says()
	}
	check(replies["long"] == "-32800" && replies["cancel"] == "true", replies)

	pong := ""
	socket.SetPongHandler(func(data string) error { pong = data; return nil })
	must(socket.WriteControl(websocket.PingMessage, []byte("alive?"), time.Time{}), "a ping")
	must(socket.WriteMessage(websocket.TextMessage, text("demo.sum", []int{1}, 1)), "a call")
	check(receive(socket).says() == "1" && pong == "alive?", "pong", pong)

	must(socket.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")), "a close")
	_, _, err = socket.ReadMessage()
	check(websocket.IsCloseError(err, websocket.CloseNormalClosure), "the close", err)
	socket.Close()

	// One that leaves a call behind.
	socket, _, err = websocket.DefaultDialer.Dial(url, nil)
	must(err, "the handshake")
	must(socket.WriteMessage(websocket.TextMessage, text("demo.sleep", object{"ms": 600_000}, 1)), "a long call")
	socket.Close()
}

func main() {
	long, err := strconv.Atoi(os.Args[3])
	must(err, "LONG_MS")
	overHttp(os.Args[1], long)
	overWebSocket(os.Args[2], long)
	http.DefaultClient.CloseIdleConnections()
	fmt.Println("ok")
}
