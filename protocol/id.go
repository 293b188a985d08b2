package protocol

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

// Prefixes of printed identifiers; the digit is the version of the identifier's form.
const (
	invocationPrefix    = "inv_1"
	deploymentPrefix    = "dp_1"
	subscriptionPrefix  = "sub_1"
	awakeablePrefix     = "sign_1" // names a signal of an invocation
	oldAwakeablePrefix  = "prom_1" // names a completion of an invocation
	invocationIDLen     = 24
	awakeableContentLen = invocationIDLen + 4
)

// InvocationID names one durable call. Its partition key says which partition owns it.
type InvocationID struct {
	Key  PartitionKey
	UUID [16]byte
}

// IsZero reports whether the ID was never set.
func (id InvocationID) IsZero() bool { return id == InvocationID{} }

// AppendRaw appends the 24-byte form used on the wire and in keys: partition key, then UUID.
func (id InvocationID) AppendRaw(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(id.Key))
	return append(dst, id.UUID[:]...)
}

// InvocationIDFromRaw is the inverse of AppendRaw; b must have 24 bytes.
func InvocationIDFromRaw(b []byte) (InvocationID, error) {
	if len(b) != invocationIDLen {
		return InvocationID{}, fmt.Errorf("raw invocation ID has %d bytes, want %d", len(b), invocationIDLen)
	}
	id := InvocationID{Key: PartitionKey(binary.BigEndian.Uint64(b))}
	copy(id.UUID[:], b[8:])
	return id, nil
}

// String prints the form users see: inv_1 and 33 base62 characters.
func (id InvocationID) String() string {
	b := make([]byte, 0, len(invocationPrefix)+base62Width64+base62Width128)
	b = append(b, invocationPrefix...)
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], uint64(id.Key))
	b = appendBase62x64(b, key)
	return string(appendBase62x128(b, id.UUID))
}

// ParseInvocationID is the inverse of String.
func ParseInvocationID(s string) (InvocationID, error) {
	rest, ok := strings.CutPrefix(s, invocationPrefix)
	if !ok || len(rest) != base62Width64+base62Width128 {
		return InvocationID{}, fmt.Errorf("bad format: %q is not an invocation ID (%s and %d characters)",
			s, invocationPrefix, base62Width64+base62Width128)
	}
	key, okKey := parseBase62x64(rest[:base62Width64])
	uuid, okUUID := parseBase62x128(rest[base62Width64:])
	if !okKey || !okUUID {
		return InvocationID{}, fmt.Errorf("bad format: %q is not an invocation ID", s)
	}
	return InvocationID{Key: PartitionKey(binary.BigEndian.Uint64(key[:])), UUID: uuid}, nil
}

// WorkflowInvocationID derives the ID of a workflow's run from its name and key, so that every
// caller finds the same run. scope is empty for unscoped calls.
func WorkflowInvocationID(scope, name, key string) InvocationID {
	return InvocationID{
		Key:  targetPartitionKey(scope, key),
		UUID: hashParts("wf", scope, name, key),
	}
}

// IdempotentInvocationID derives the ID of a call that carries an idempotency key. key is the
// object key and keyed says whether there is one.
func IdempotentInvocationID(scope, service, key string, keyed bool, handler, idempotencyKey string) InvocationID {
	parts := []string{service}
	if keyed {
		parts = append(parts, key)
	}
	parts = append(parts, handler, idempotencyKey)
	id := InvocationID{UUID: hashParts("ik", scope, parts...)}
	switch {
	case scope != "":
		id.Key = HashKey(scope)
	case keyed:
		id.Key = HashKey(key)
	default:
		id.Key = HashKey(idempotencyKey)
	}
	return id
}

func targetPartitionKey(scope, key string) PartitionKey {
	if scope != "" {
		return HashKey(scope)
	}
	return HashKey(key)
}

// hashParts is the first half of SHA-256 over the comma-joined parts; an empty scope is left out.
func hashParts(kind, scope string, parts ...string) (uuid [16]byte) {
	h := sha256.New()
	h.Write([]byte(kind))
	if scope != "" {
		h.Write([]byte("," + scope))
	}
	for _, p := range parts {
		h.Write([]byte("," + p))
	}
	copy(uuid[:], h.Sum(nil))
	return uuid
}

// DeploymentID names one registered deployment; its content is a ULID.
type DeploymentID [16]byte

// IsZero reports whether the ID was never set.
func (id DeploymentID) IsZero() bool { return id == DeploymentID{} }

// String prints dp_1 and 22 base62 characters.
func (id DeploymentID) String() string { return string(appendBase62x128([]byte(deploymentPrefix), id)) }

// ParseDeploymentID is the inverse of String.
func ParseDeploymentID(s string) (DeploymentID, error) {
	b, err := parseULID(s, deploymentPrefix, "deployment")
	return DeploymentID(b), err
}

// SubscriptionID names one subscription to a topic; its content is a ULID.
type SubscriptionID [16]byte

// String prints sub_1 and 22 base62 characters.
func (id SubscriptionID) String() string {
	return string(appendBase62x128([]byte(subscriptionPrefix), id))
}

// ParseSubscriptionID is the inverse of String.
func ParseSubscriptionID(s string) (SubscriptionID, error) {
	b, err := parseULID(s, subscriptionPrefix, "subscription")
	return SubscriptionID(b), err
}

func parseULID(s, prefix, what string) ([16]byte, error) {
	rest, ok := strings.CutPrefix(s, prefix)
	if ok {
		if b, ok := parseBase62x128(rest); ok {
			return b, nil
		}
	}
	return [16]byte{}, fmt.Errorf("bad format: %q is not a %s ID (%s and %d characters)",
		s, what, prefix, base62Width128)
}

// AwakeableID is what an application hands out to be resolved later. It names either a signal of
// an invocation (the current form) or a completion (the form of protocol versions before 4).
type AwakeableID struct {
	Invocation InvocationID
	Index      uint32 // signal index, or completion ID when Old is set
	Old        bool
}

// String prints sign_1 (or prom_1) and base64url without padding.
func (id AwakeableID) String() string {
	prefix := awakeablePrefix
	if id.Old {
		prefix = oldAwakeablePrefix
	}
	raw := id.Invocation.AppendRaw(make([]byte, 0, awakeableContentLen))
	raw = binary.BigEndian.AppendUint32(raw, id.Index)
	return prefix + base64.RawURLEncoding.EncodeToString(raw)
}

// ParseAwakeableID is the inverse of String; base64 padding is accepted.
func ParseAwakeableID(s string) (AwakeableID, error) {
	rest, ok := strings.CutPrefix(s, awakeablePrefix)
	old := false
	if !ok {
		rest, old = strings.CutPrefix(s, oldAwakeablePrefix)
		if !old {
			return AwakeableID{}, fmt.Errorf("bad format: %q starts neither with %s nor with %s",
				s, awakeablePrefix, oldAwakeablePrefix)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(rest, "="))
	if err != nil {
		return AwakeableID{}, fmt.Errorf("bad format: decode awakeable ID %q: %w", s, err)
	}
	if len(raw) != awakeableContentLen {
		return AwakeableID{}, fmt.Errorf("bad format: awakeable ID %q holds %d bytes, want %d",
			s, len(raw), awakeableContentLen)
	}
	inv, err := InvocationIDFromRaw(raw[:invocationIDLen])
	if err != nil {
		return AwakeableID{}, fmt.Errorf("bad format: awakeable ID %q: %w", s, err)
	}
	return AwakeableID{Invocation: inv, Index: binary.BigEndian.Uint32(raw[invocationIDLen:]), Old: old}, nil
}
