"""What the device sends by itself: receipts until they are acknowledged, its state, its health, its time questions."""
