package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// ownNetworkChecks look at the connections that a server of their own makes to deployments.
func ownNetworkChecks() []Check {
	return []Check{
		{ID: "DEP-24", Title: "deployments are reached through the proxy", Own: true,
			Run: proxied(true)},
		{ID: "DEP-24", Title: "deployments of HTTP/2 are reached through a tunnel of the proxy's",
			Own: true, Run: proxied(false), Better: "it speaks HTTP/2 to the proxy itself"},
		{ID: "DEP-24", Title: "but not those that are excepted", Own: true, Run: notProxied},
		{ID: "DEP-25", Title: "more attempts than a connection takes", Own: true, Run: pooled},
	}
}

// proxy is an HTTP proxy that knows one deployment, whatever name it is asked for.
type proxy struct {
	url, target string

	mu    sync.Mutex
	asked []string // the hosts it was asked for
}

// newProxy starts a proxy; it is stopped at the end of the case. The target may be set until it is
// first used.
func (c *Case) newProxy() *proxy {
	listener, err := listenFresh()
	c.must("listen", err)
	p := &proxy{url: "http://" + listener.Addr().String()}
	var running sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	running.Go(func() {
		for {
			nc, err := listener.Accept()
			if err != nil {
				return // the case has ended
			}
			mu.Lock()
			open[nc] = true
			mu.Unlock()
			running.Go(func() {
				p.serve(nc)
				mu.Lock()
				delete(open, nc)
				mu.Unlock()
			})
		}
	})
	c.atEnd(func() {
		listener.Close()
		mu.Lock()
		for nc := range open {
			nc.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return p
}

// serve makes nc a tunnel to the target if it asks for one, and passes requests in absolute form on.
func (p *proxy) serve(nc net.Conn) {
	defer nc.Close()
	from := bufio.NewReader(nc)
	req, err := http.ReadRequest(from)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, req.Host)
	p.mu.Unlock()
	to, err := net.Dial("tcp", p.target)
	if err != nil {
		fmt.Fprintf(nc, "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
		return
	}
	defer to.Close()
	if req.Method == http.MethodConnect {
		fmt.Fprintf(nc, "HTTP/1.1 200 OK\r\n\r\n")
	} else if req.Header.Set("connection", "close"); req.Write(to) != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(nc, to)
		nc.Close()
	})
	_, _ = io.Copy(to, from)
	to.Close()
	back.Wait()
}

func (p *proxy) hosts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.asked...)
}

// proxied has a deployment at a name that only the proxy can resolve.
func proxied(old bool) func(c *Case) {
	return func(c *Case) {
		p := c.newProxy()
		c.own("RESTATE_WORKER__INVOKER__HTTP_PROXY=" + p.url)
		f, name := c.behind(p, "deployment.invalid:9080", old)
		c.register(f, map[string]any{"use_http_11": old})
		c.equal("answer", string(c.call("/"+name+"/h", nil, nil).body), `"reached"`)
		hosts := p.hosts()
		c.equal("the proxy was asked", len(hosts) > 0, true)
		c.equal("for", hosts[0], "deployment.invalid:9080")
	}
}

// notProxied excepts the same name, which is then nowhere.
func notProxied(c *Case) {
	p := c.newProxy()
	c.own("RESTATE_WORKER__INVOKER__HTTP_PROXY="+p.url,
		`RESTATE_WORKER__INVOKER__NO_PROXY=["deployment.invalid"]`)
	f, _ := c.behind(p, "deployment.invalid:9080", false)
	r := c.rule(http.MethodPost, "/deployments", map[string]any{"uri": f.url})
	c.equal("refused", r.status >= http.StatusBadRequest, true)
	c.equal("hosts the proxy was asked for", len(p.hosts()), 0)
}

// behind starts a deployment that the server knows by a host name of the proxy's.
func (c *Case) behind(p *proxy, host string, old bool) (f *fake, service string) {
	mode := bidi
	if old {
		mode = requestResponse
	}
	offer := single(c, mode, "SERVICE")
	f = c.newFake(offer, old, map[string]func(*attempt){"h": func(a *attempt) {
		if old {
			a.drain()
		}
		a.finish(`"reached"`)
	}})
	p.target, f.url = strings.TrimPrefix(f.url, "http://"), "http://"+host
	return f, offer.Services[0].Name
}

// streamsPerConnection is how many attempts share a connection unless configured otherwise.
const streamsPerConnection = 128

// pooled has more attempts running at once than one connection takes, and lets none of them end
// before all have begun.
func pooled(c *Case) {
	c.own()
	const calls = streamsPerConnection + 22
	entered, free := make(chan string, calls), make(chan struct{})
	offer := single(c, bidi, "SERVICE")
	f := c.newFake(offer, false, map[string]func(*attempt){"h": func(a *attempt) {
		entered <- a.r.RemoteAddr
		select {
		case <-free:
			a.finish(`"free"`)
		case <-a.r.Context().Done():
		}
	}})
	c.register(f, nil)
	var waiting []<-chan answered
	for range calls {
		waiting = append(waiting, c.background("/"+offer.Services[0].Name+"/h"))
	}
	attempts := map[string]int{} // by the address they came from
	for range calls {
		select {
		case from := <-entered:
			attempts[from]++
		case <-c.ctx.Done():
			c.failf("attempts running at once, by connection: %v; want %d", attempts, calls)
		}
	}
	for from, n := range attempts {
		if n > streamsPerConnection {
			c.failf("%d attempts came on the connection from %s", n, from)
		}
	}
	c.equal("more than one connection", len(attempts) > 1, true)
	close(free)
	for _, w := range waiting {
		c.finish(w)
	}
}
