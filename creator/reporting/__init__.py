"""What a run came to, in words, lists, trees and pages: made from its outcome alone, and shared by all that show it."""
