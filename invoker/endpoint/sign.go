package endpoint

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Names of the request identity, version 1.
const (
	headerScheme    = "x-restate-signature-scheme"
	headerToken     = "x-restate-jwt-v1"
	schemeV1        = "v1"
	publicKeyPrefix = "publickeyv1_"
)

// ParseIdentityKey reads the key that signs requests: one Ed25519 key in PKCS #8, as PEM.
func ParseIdentityKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("parse the request identity key: no PEM block found")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse the request identity key: want PKCS #8: %w", err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("parse the request identity key: it is a %T, want an Ed25519 key", key)
	}
	return private, nil
}

// PublicKeyID is the name under which deployments know the key: publickeyv1_ and base58.
func PublicKeyID(key ed25519.PrivateKey) string {
	return publicKeyPrefix + base58(key.Public().(ed25519.PublicKey))
}

type identityHeader struct {
	Type      string `json:"typ"`
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
}

type identityClaims struct {
	Audience  string `json:"aud"`
	Subject   string `json:"sub,omitempty"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	Expires   int64  `json:"exp"`
}

// signIdentity makes the token for one request: path without the deployment's prefix, the key of a
// keyed service as subject, valid for expiration before and after now.
func signIdentity(
	key ed25519.PrivateKey, path, subject string, now time.Time, expiration time.Duration,
) (string, error) {
	header, err := json.Marshal(identityHeader{"JWT", "EdDSA", PublicKeyID(key)})
	if err != nil {
		return "", fmt.Errorf("encode the token's header: %w", err)
	}
	claims, err := json.Marshal(identityClaims{
		Audience: path, Subject: subject, IssuedAt: now.Unix(),
		NotBefore: now.Add(-expiration).Unix(), Expires: now.Add(expiration).Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("encode the token's claims: %w", err)
	}
	enc := base64.RawURLEncoding
	token := enc.AppendEncode(nil, header)
	token = append(token, '.')
	token = enc.AppendEncode(token, claims)
	signature := ed25519.Sign(key, token)
	token = append(token, '.')
	return string(enc.AppendEncode(token, signature)), nil
}

const base58Alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58 encodes b as a big-endian number; leading zero bytes become leading ones.
func base58(b []byte) string {
	var digits []byte
	n, radix, digit := new(big.Int).SetBytes(b), big.NewInt(58), new(big.Int)
	for n.Sign() > 0 {
		n.DivMod(n, radix, digit)
		digits = append(digits, base58Alphabet[digit.Int64()])
	}
	for _, v := range b {
		if v != 0 {
			break
		}
		digits = append(digits, base58Alphabet[0])
	}
	for i, j := 0, len(digits)-1; i < j; i, j = i+1, j-1 {
		digits[i], digits[j] = digits[j], digits[i]
	}
	return string(digits)
}
