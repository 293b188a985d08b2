package workload

import "testing"

func TestStockOfIsWhatBatchesSend(t *testing.T) {
	s := StockOf(2)
	if s.Total != 2*StockBatch || s.Completed+s.Suspended+s.Scheduled != s.Total {
		t.Errorf("%+v does not add up to two batches of %d", s, StockBatch)
	}
	if s.Suspended != 50 || s.Scheduled != 50 {
		t.Errorf("%+v, want 50 suspended and 50 scheduled: one of 20 each", s)
	}
}

func TestStockBatchesAreNumbered(t *testing.T) {
	scenario := NewStock()
	first, second := scenario.Next(0), scenario.Next(1)
	if string(first.Body) != "1" || string(second.Body) != "2" {
		t.Errorf("batches %s and %s, want 1 and 2", first.Body, second.Body)
	}
	if second.Check([]byte("2")) != nil || second.Check([]byte("1")) == nil {
		t.Error("the answer to batch 2 must be 2 and nothing else")
	}
}
