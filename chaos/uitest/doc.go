// Command uitest clicks through the official web UI in a real browser, on this server and on the
// reference server side by side, and compares what people would see.
//
//	go run ./chaos/uitest -shots DIR
//
// It builds this server and the scenario services, has npm install the reference server and
// playwright-core into the user's cache, and copies the bundle of the web UI from the reference
// server into a temporary folder, which this server is told to serve: the bundle is not ours to keep.
// Debian's Chromium drives it; root on Debian gets it installed.
//
// Each step does the same on both servers and waits until both pages show the same text, with IDs,
// times and addresses replaced and lines sorted. A step that changes something also asks the service
// or SQL whether it took effect. A step fails when the pages stay different, and when this server's
// page made a request that was answered by an error where the reference server's was not, logged an
// error, or got a page of HTML in the place of a script.
//
//	driver.mjs      makes the steps on both sides, and compares
//	side.mjs        one server with its page: what steps are made of
//	steps.mjs       a deployment is registered, invocations are made; then the two below
//	pages.mjs       what people look at
//	operations.mjs  what people change
package main
