package admin

import (
	"encoding/json"
	"net/http"
	"strconv"
)

func (h *Handler) version(*request) (*response, error) {
	return jsonResponse(http.StatusOK, struct {
		Version         string      `json:"version"`
		MinAPIVersion   int         `json:"min_admin_api_version"`
		MaxAPIVersion   int         `json:"max_admin_api_version"`
		IngressEndpoint string      `json:"ingress_endpoint,omitempty"`
		Features        featureList `json:"features"`
	}{h.cfg.Version, minAPIVersion, maxAPIVersion, h.cfg.IngressEndpoint, h.cfg.Features})
}

// featureList prints all known features, in the order of Features.
type featureList map[string]bool

// MarshalJSON implements json.Marshaler.
func (f featureList) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, name := range Features {
		if i > 0 {
			b = append(b, ',')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		b = append(append(b, key...), ':')
		b = strconv.AppendBool(b, f[name])
	}
	return append(b, '}'), nil
}

func (h *Handler) health(*request) (*response, error) {
	return &response{status: http.StatusOK}, nil
}

// clusterHealth is deprecated; old clients still ask. The member list names this node only.
func (h *Handler) clusterHealth(*request) (*response, error) {
	type members struct {
		Members []int `json:"members"`
	}
	return jsonResponse(http.StatusOK, struct {
		ClusterName string  `json:"cluster_name"`
		Metadata    members `json:"metadata_cluster_health"`
	}{h.cfg.ClusterName, members{[]int{1}}})
}
