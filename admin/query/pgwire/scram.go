package pgwire

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// scramMechanism is the only one that is offered. Channel binding is not.
const scramMechanism = "SCRAM-SHA-256"

const (
	scramRounds = 4096 // what PostgreSQL does, and clients are prepared to do
	saltBytes   = 16
	nonceBytes  = 18
)

// verifier is what a server keeps to check a password with (RFC 5802).
type verifier struct {
	salt              []byte
	rounds            int
	stored, serverKey []byte
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text)) // it never fails
	return h.Sum(nil)
}

// newVerifier makes one of a password.
func newVerifier(password string) (*verifier, error) {
	v := &verifier{salt: make([]byte, saltBytes), rounds: scramRounds}
	_, _ = rand.Read(v.salt) // it never fails
	salted, err := pbkdf2.Key(sha256.New, password, v.salt, v.rounds, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("make a key of the password: %w", err)
	}
	stored := sha256.Sum256(mac(salted, "Client Key"))
	v.stored, v.serverKey = stored[:], mac(salted, "Server Key")
	return v, nil
}

// scram is one exchange, seen by the server.
type scram struct {
	verifier    *verifier
	nonce       string
	clientBare  string // the client's first message without its header
	serverFirst string
	header      string // what the client said about channel binding
}

// errScram: the client does not speak the protocol. That a password is wrong is no such error.
var errScram = errors.New("the client's SCRAM message is malformed")

// attribute takes the next "x=value" off a message.
func attribute(message, name string) (value, rest string, err error) {
	part, rest, _ := strings.Cut(message, ",")
	value, ok := strings.CutPrefix(part, name+"=")
	if !ok {
		return "", "", fmt.Errorf("%w: %s= is missing", errScram, name)
	}
	return value, rest, nil
}

// first answers the client's first message, "n,,n=user,r=nonce".
func (s *scram) first(message string) (string, error) {
	flag, rest, ok := strings.Cut(message, ",")
	_, bare, ok2 := strings.Cut(rest, ",")
	switch {
	case !ok || !ok2:
		return "", errScram
	case flag != "n" && flag != "y":
		return "", fmt.Errorf("%w: channel binding was not offered", errScram)
	}
	s.header, s.clientBare = message[:len(message)-len(bare)], bare
	_, rest, err := attribute(bare, "n") // PostgreSQL takes the name from the startup message instead
	if err != nil {
		return "", err
	}
	nonce, _, err := attribute(rest, "r")
	if err != nil || nonce == "" {
		return "", errScram
	}
	own := make([]byte, nonceBytes)
	_, _ = rand.Read(own) // it never fails
	s.nonce = nonce + base64.StdEncoding.EncodeToString(own)
	s.serverFirst = "r=" + s.nonce + ",s=" + base64.StdEncoding.EncodeToString(s.verifier.salt) +
		",i=" + strconv.Itoa(s.verifier.rounds)
	return s.serverFirst, nil
}

// final checks the client's final message, "c=header,r=nonce,p=proof"; ok is false if the password is
// wrong.
func (s *scram) final(message string) (answer string, ok bool, err error) {
	binding, rest, err := attribute(message, "c")
	if err != nil {
		return "", false, err
	}
	header, err := base64.StdEncoding.DecodeString(binding)
	if err != nil || string(header) != s.header {
		return "", false, fmt.Errorf("%w: its header has changed", errScram)
	}
	nonce, _, err := attribute(rest, "r")
	if err != nil || nonce != s.nonce {
		return "", false, fmt.Errorf("%w: the nonce is another one", errScram)
	}
	at := strings.LastIndex(message, ",p=")
	if at < 0 {
		return "", false, errScram
	}
	proof, err := base64.StdEncoding.DecodeString(message[at+3:])
	if err != nil || len(proof) != sha256.Size {
		return "", false, fmt.Errorf("%w: it has no proof", errScram)
	}
	signed := s.clientBare + "," + s.serverFirst + "," + message[:at]
	key := make([]byte, sha256.Size)
	subtle.XORBytes(key, proof, mac(s.verifier.stored, signed))
	stored := sha256.Sum256(key)
	if subtle.ConstantTimeCompare(stored[:], s.verifier.stored) != 1 {
		return "", false, nil
	}
	return "v=" + base64.StdEncoding.EncodeToString(mac(s.verifier.serverKey, signed)), true, nil
}

// credentials remember the verifier of the last password, which takes a while to make.
type credentials struct {
	password string
	made     *verifier
}

func (c *credentials) of(password string) (*verifier, error) {
	if c.made != nil && hmac.Equal([]byte(c.password), []byte(password)) {
		return c.made, nil
	}
	made, err := newVerifier(password)
	if err != nil {
		return nil, err
	}
	c.password, c.made = password, made
	return made, nil
}
