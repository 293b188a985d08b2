package pgwire

import (
	"crypto/rand"
	"errors"

	"github.com/xdg-go/scram"
)

// scramMechanism is the only one that is offered. Channel binding is not.
const scramMechanism = "SCRAM-SHA-256"

const (
	scramRounds = 4096 // what PostgreSQL does, and clients are prepared to do
	saltBytes   = 16
)

// newVerifier makes what passwords are checked with: it holds keys, not the password.
func newVerifier(password string) (*scram.Server, error) {
	// PostgreSQL takes a password as it is if it cannot be prepared, and the name from elsewhere.
	client, err := scram.SHA256.NewClient("", password, "")
	if err != nil {
		if client, err = scram.SHA256.NewClientUnprepped("", password, ""); err != nil {
			return nil, err
		}
	}
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // it never fails
	keys, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: string(salt), Iters: scramRounds})
	if err != nil {
		return nil, err
	}
	return scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) { return keys, nil })
}

// prove answers the client's last message; right is false if the password was wrong.
func prove(c *scram.ServerConversation, message string) (answer string, right bool, err error) {
	answer, err = c.Step(message)
	if err != nil && answer == scram.ErrInvalidProof {
		return "", false, nil
	}
	return answer, c.Valid(), err
}

// errNoKeys: a password gives no keys.
var errNoKeys = errors.New("make keys of the password")

// credentials remember the keys of the last password, which take a while to make.
type credentials struct {
	password string
	made     *scram.Server
}

func (c *credentials) of(password string) (*scram.Server, error) {
	if c.made != nil && c.password == password {
		return c.made, nil
	}
	made, err := newVerifier(password)
	if err != nil {
		return nil, errors.Join(errNoKeys, err)
	}
	c.password, c.made = password, made
	return made, nil
}
